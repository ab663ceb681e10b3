//! Rules of the house that no compiler checks.

#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file that git would commit, with its text; what is no text is left out.
fn files() -> Vec<(String, String)> {
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there");
    let names = String::from_utf8(list.stdout).unwrap();
    let files: Vec<_> =
        names.lines().filter_map(|name| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?))).collect();
    assert!(files.len() > 50, "git lists the files of the repository");
    files
}

fn files_ending(ending: &str) -> Vec<(String, String)> {
    files().into_iter().filter(|(name, _)| name.ends_with(ending)).collect()
}

#[test]
fn pages_name_only_paths_that_exist() {
    let folders = ["engine/", "filter/", "policy-compiler/", "tests/", "envoy/", "manifests/", "docs/"];
    let mut missing = Vec::new();
    for (page, text) in files_ending(".md") {
        let in_code = text.split('`').skip(1).step_by(2);
        for path in in_code.filter(|code| folders.iter().any(|folder| code.starts_with(folder))) {
            let path = path.split([' ', ':', '*', '<', '{']).next().unwrap().trim_end_matches(['/', '.', ',']);
            let found =
                ["", ".rs", ".yaml", ".md"].iter().any(|ending| root().join(format!("{path}{ending}")).exists());
            if !found {
                missing.push(format!("{page}: {path}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn pages_link_only_to_pages_that_exist() {
    let mut missing = Vec::new();
    for (page, text) in files_ending(".md") {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                missing.push(format!("{page}: {link}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_dependency_says_why() {
    let mut silent = Vec::new();
    for (name, text) in files_ending("Cargo.toml") {
        let lines: Vec<_> = text.lines().collect();
        let mut in_dependencies = false;
        for (at, line) in lines.iter().enumerate() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies") && !line.contains("workspace.dependencies");
            } else if in_dependencies
                && line.starts_with(|first: char| first.is_ascii_alphabetic())
                && line.contains('=')
            {
                let above = lines[..at].iter().rev().find(|line| !line.trim().is_empty()).unwrap();
                if !above.starts_with('#') {
                    silent.push(format!("{name}: {line}"));
                }
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn unsafe_code_stands_in_one_file_and_host_calls_go_through_it() {
    // Methods of the SDK's traits, each of which unwraps the host's answer.
    let panicking = [
        "hostcalls",
        ".get_http_",
        ".set_http_",
        ".add_http_",
        ".send_http_",
        ".get_property(",
        ".get_shared_data(",
        ".set_shared_data(",
    ];
    let mut found = Vec::new();
    for (name, text) in files_ending(".rs").into_iter().filter(|(name, _)| name.starts_with("filter/")) {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        found.extend(panicking.iter().filter(|call| code.contains(**call)).map(|call| format!("{name}: {call}")));
        if code.contains("unsafe {") != name.ends_with("host/abi.rs") {
            found.push(format!("{name}: unsafe"));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_engine_knows_no_host() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "toolgate-engine", "-e", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("serde"), "{tree}");
    for stranger in ["proxy-wasm", "tokio", "regex-lite", "jsonschema", "policy-compiler"] {
        assert!(!tree.lines().any(|line| line.starts_with(stranger)), "{stranger} is in the engine's tree:\n{tree}");
    }
}

#[test]
fn no_file_names_a_registry_or_a_folder_of_one_machine() {
    // In two halves, so that this file does not name them.
    let halves = [
        ("crates", ".io/"),
        ("pypi", ".org"),
        ("registry.", "npmjs"),
        ("proxy.", "golang"),
        ("/ro", "ot/"),
        ("/wo", "rk/"),
        ("../sha", "red"),
        ("/ho", "me/"),
    ];
    let mut found = Vec::new();
    for (name, text) in files().into_iter().filter(|(name, _)| !name.ends_with(".lock") && !name.ends_with("go.sum")) {
        for (one, other) in halves {
            let forbidden = format!("{one}{other}");
            found.extend(text.lines().filter(|line| line.contains(&forbidden)).map(|line| format!("{name}: {line}")));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

/// A page with both sides of a merge still reads like a page.
#[test]
fn no_file_has_what_an_unfinished_merge_leaves() {
    let is_left = |line: &str| ["<", ">"].iter().any(|sign| line.starts_with(&format!("{} ", sign.repeat(7))));
    let found: Vec<_> = files()
        .into_iter()
        .flat_map(|(name, text)| {
            text.lines().filter(|line| is_left(line)).map(|line| format!("{name}: {line}")).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<_> = files_ending(".rs")
        .into_iter()
        .filter(|(name, text)| {
            !text.trim_start_matches("#![cfg(test)]\n").starts_with("//!") && !name.ends_with("/tests.rs")
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}
