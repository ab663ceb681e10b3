//! Which arguments clients mirror in fields of the header, as `x-mcp-header` says (MCP 2026-07-28).
//!
//! In: linked sites, and the entries that are schemas of servers' tools. Out: fields and pointers, or why a client would
//! leave the tool out. Only `properties` lead to what is mirrored; from the policy, a reference to another document may
//! lead to the schema as a whole.

use super::{
    Finding, Subject,
    check::TYPES,
    library::{Library, Site, SiteId},
    tree::Json,
};
use std::collections::{HashMap, HashSet};
use toolgate_engine::{mcp::MIRRORED_BY, names, pointer::below, policy::MAX_MIRRORED};

/// Types of what is mirrored.
const MIRRORED_TYPES: [&str; 3] = ["string", "integer", "boolean"];

/// An argument that is mirrored in the field `Mcp-Param-{suffix}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The end of the field's name.
    pub suffix: String,
    /// RFC 6901 pointer into the arguments.
    pub pointer: String,
}

/// What the entries mirror.
#[derive(Clone, Debug, Default)]
pub struct Mirrors {
    /// For each entry.
    pub of_entries: Vec<Vec<Mirror>>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Document and pointer of each keyword that an entry leads to, right or wrong.
    pub seen: HashSet<(String, String)>,
}

/// Collects what each entry mirrors.
pub(super) fn mirrors(library: &Library<'_>, entries: &[Option<SiteId>]) -> Mirrors {
    let mut collected = Collected { library, mirrors: Mirrors::default() };
    let has_any = library.sites.iter().any(|site| site.json.get(MIRRORED_BY).is_some());
    for entry in entries {
        let mirrored = entry.filter(|_| has_any).map(|entry| collected.of_entry(entry)).unwrap_or_default();
        collected.mirrors.of_entries.push(mirrored);
    }
    let mut mirrors = collected.mirrors;
    mirrors.findings.sort();
    mirrors.findings.dedup();
    mirrors
}

struct Collected<'l, 'a> {
    library: &'l Library<'a>,
    mirrors: Mirrors,
}

/// A property that has the keyword, and where it is in the arguments.
struct Property {
    site: SiteId,
    pointer: String,
}

impl<'l, 'a> Collected<'l, 'a> {
    fn of_entry(&mut self, entry: SiteId) -> Vec<Mirror> {
        let mut properties = Vec::new();
        for root in self.roots(entry) {
            self.properties(root, &mut properties);
        }
        let reached: HashSet<SiteId> = properties.iter().map(|property| property.site).collect();
        for site in self.all(entry) {
            let Some(place) = self.library.sites.get(site).map(|site| self.place(site)) else { continue };
            self.mirrors.seen.insert(place);
            if !reached.contains(&site) {
                let message = "clients mirror no argument from here: only `properties` may lead to it".to_owned();
                let help = "write it at a property of the arguments, or at one of an object in them, or take it out";
                self.find(Subject::Mirror, site, message, help);
            }
        }
        self.fields(&properties)
    }

    /// The schema, and those that it stands for: references that lead to other documents are the policy's own.
    fn roots(&self, entry: SiteId) -> Vec<SiteId> {
        let mut roots = vec![entry];
        while let Some(site) = roots.last().and_then(|&root| self.library.sites.get(root))
            && let Some(target) = site.reference
            && let Some(other) = self.library.sites.get(target)
            && other.document != site.document
            && !roots.contains(&target)
        {
            roots.push(target);
        }
        roots
    }

    /// The properties with the keyword to which only `properties` lead.
    fn properties(&self, root: SiteId, found: &mut Vec<Property>) {
        let mut open = vec![(root, String::new())];
        while let Some((at, pointer)) = open.pop() {
            let Some(site) = self.library.sites.get(at) else { continue };
            if at != root && site.json.get(MIRRORED_BY).is_some() {
                found.push(Property { site: at, pointer: pointer.clone() });
            }
            let place = below(&site.pointer, "properties");
            for (name, _) in site.json.get("properties").map(Json::members).unwrap_or_default().iter().rev() {
                let property = self.library.places.get(&(site.document, below(&place, name)));
                open.extend(property.map(|&property| (property, below(&pointer, name))));
            }
        }
    }

    /// Every schema with the keyword that stands in the entry, or in one that a reference in it leads to.
    fn all(&self, entry: SiteId) -> Vec<SiteId> {
        let (mut found, mut open, mut seen) = (Vec::new(), vec![entry], HashSet::from([entry]));
        while let Some(root) = open.pop() {
            for (at, site) in self.inside(root) {
                if site.json.get(MIRRORED_BY).is_some() {
                    found.push(at);
                }
                let targets = site.reference.into_iter().chain(site.dynamic_reference);
                open.extend(targets.filter(|&target| seen.insert(target)));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A schema and those that stand in it: sites are in the order in which a reader comes to them.
    fn inside(&self, root: SiteId) -> impl Iterator<Item = (SiteId, &'l Site<'a>)> {
        let library: &'l Library<'a> = self.library;
        let outer = library.sites.get(root).map(|site| (site.document, site.pointer.as_str()));
        let is_inside = move |(_, site): &(SiteId, &'l Site<'a>)| {
            outer.is_some_and(|(document, outer)| {
                let rest = site.pointer.strip_prefix(outer);
                site.document == document && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        library.sites.iter().enumerate().skip(root).take_while(is_inside)
    }

    /// The fields of these properties, as far as they are good.
    fn fields(&mut self, properties: &[Property]) -> Vec<Mirror> {
        let (mut mirrored, mut taken) = (Vec::new(), HashMap::<String, String>::new());
        for Property { site, pointer } in properties {
            let Some(suffix) = self.suffix(*site) else { continue };
            self.require_type(*site);
            // For a reader that takes `_` for `-`, these are one field.
            let folded = suffix.to_ascii_lowercase().replace('_', "-");
            match taken.get(&folded) {
                None => {
                    taken.insert(folded, pointer.clone());
                    mirrored.push(Mirror { suffix, pointer: pointer.clone() });
                }
                // A schema and one that it stands for may both say it.
                Some(other) if other == pointer => {}
                Some(other) => {
                    let message = format!("the field `Mcp-Param-{suffix}` mirrors `{other}` already");
                    let help = "give each argument a name that differs by more than case, `_` and `-`";
                    self.find(Subject::Mirror, *site, message, help);
                }
            }
        }
        if let Some(property) = properties.get(MAX_MIRRORED).filter(|_| mirrored.len() > MAX_MIRRORED) {
            let message = format!("more than {MAX_MIRRORED} arguments are mirrored, and Envoy takes no more fields");
            self.find(Subject::Mirror, property.site, message, "mirror those by which something is routed");
        }
        mirrored
    }

    /// The end of the field's name.
    fn suffix(&mut self, site: SiteId) -> Option<String> {
        let given = self.library.sites.get(site).and_then(|site| site.json.get(MIRRORED_BY));
        let Some(suffix) = given.and_then(Json::as_str).filter(|text| names::field_suffix(text.as_bytes()).is_ok())
        else {
            let message = "this is not the end of a field's name".to_owned();
            let help = format!("write a text of at most {} letters, digits and `-`", names::MAX_NAME_BYTES);
            self.find(Subject::Mirror, site, message, &help);
            return None;
        };
        let suffix = suffix.to_owned();
        if suffix.contains('_') {
            let message = format!("Envoy may refuse requests with the field `Mcp-Param-{suffix}`");
            let help = "let the server name it with `-`; as rendered, Envoy takes no field with `_` in its name";
            self.find(Subject::Underscore, site, message, help);
        }
        Some(suffix)
    }

    fn require_type(&mut self, site: SiteId) {
        let given = self.library.sites.get(site).and_then(|site| site.json.get("type"));
        let named = given.and_then(Json::as_str).and_then(|name| TYPES.into_iter().find(|known| *known == name));
        let what = match named {
            Some(name) if MIRRORED_TYPES.contains(&name) => return,
            Some(name) => format!("of type `{name}`"),
            None => "not of one type".to_owned(),
        };
        let message = format!("clients mirror strings, integers and booleans, and this argument is {what}");
        let help = "write `type: string`, `integer` or `boolean` beside it, or take it out";
        self.find(Subject::Mirror, site, message, help);
    }

    /// Document and pointer of the keyword.
    fn place(&self, site: &Site<'a>) -> (String, String) {
        let document = self.library.documents.get(site.document).map(|document| document.uri.clone());
        (document.unwrap_or_default(), below(&site.pointer, MIRRORED_BY))
    }

    fn find(&mut self, subject: Subject, site: SiteId, message: String, help: &str) {
        let Some((document, pointer)) = self.library.sites.get(site).map(|site| self.place(site)) else { return };
        let help = Some(help.to_owned());
        self.mirrors.findings.push(Finding { subject, document, pointer, message, help, lost: None });
    }
}
