//! Merges states that mean the same and bytes that lead to the same, and numbers both in one fixed way.
//!
//! In: any table. Out: the one smallest table of its meaning, so that equal patterns give equal automata.
//! Which states mean the same is found out in `partition`.

use super::{
    determine::{Table, Target},
    partition::partition,
};
use std::collections::HashMap;

pub(super) fn minimize(table: Table) -> Table {
    number_states(merge_classes(merge_states(table)))
}

/// At the end of the text only "found" matters.
fn ignore_ends(table: &mut Table) {
    for row in &mut table.rows {
        if let Some(end @ Target::State(_)) = row.last_mut() {
            *end = Target::State(0);
        }
    }
}

fn merge_states(mut table: Table) -> Table {
    ignore_ends(&mut table);
    let (blocks, count) = partition(&table);
    let block = |state: usize| blocks.get(state).copied().unwrap_or_default();
    let mut rows: Vec<Vec<Target>> = vec![Vec::new(); count];
    for (row, own) in table.rows.iter().zip(&blocks) {
        if let Some(slot) = rows.get_mut(*own)
            && slot.is_empty()
        {
            *slot = row.iter().map(|target| renamed(*target, block)).collect();
        }
    }
    let starts = table.starts.iter().map(|&start| block(start)).collect();
    Table { rows, starts, ..table }
}

fn renamed(target: Target, name: impl Fn(usize) -> usize) -> Target {
    match target {
        Target::State(state) => Target::State(name(state)),
        found @ Target::Found(_) => found,
    }
}

/// Bytes whose columns are equal become one class; classes are numbered by their first byte.
fn merge_classes(table: Table) -> Table {
    let column = |class: usize| -> Vec<Option<Target>> {
        let starts = table.starts.get(class).map(|&start| Target::State(start));
        std::iter::once(starts).chain(table.rows.iter().map(|row| row.get(class).copied())).collect()
    };
    // The first of the classes that are equal stands for all of them.
    let mut columns: HashMap<Vec<Option<Target>>, usize> = HashMap::new();
    let equal: Vec<usize> = (0..table.width).map(|class| *columns.entry(column(class)).or_insert(class)).collect();
    let of_byte = |byte: u8| {
        let class = table.classes.get(usize::from(byte)).copied().unwrap_or_default();
        equal.get(class).copied().unwrap_or_default()
    };
    let is_folded = (b'a'..=b'z').all(|byte| of_byte(byte) == of_byte(byte.to_ascii_uppercase()));
    let mut kept = Vec::new();
    // Where upper-case letters are as lower-case ones, they are not written and so number nothing.
    for byte in (0..=u8::MAX).filter(|byte| !is_folded || !byte.is_ascii_uppercase()) {
        if !kept.contains(&of_byte(byte)) {
            kept.push(of_byte(byte));
        }
    }
    let number = |byte: u8| kept.iter().position(|&class| class == of_byte(byte)).unwrap_or_default();
    let classes = (0..=u8::MAX).map(number).collect();
    let pick = |row: &Vec<Target>| -> Vec<Target> {
        kept.iter().chain([&table.width]).filter_map(|&class| row.get(class).copied()).collect()
    };
    let rows = table.rows.iter().map(pick).collect();
    let starts = kept.iter().chain([&table.width]).filter_map(|&class| table.starts.get(class).copied()).collect();
    Table { patterns: table.patterns, classes, width: kept.len(), starts, rows }
}

/// Numbers states in the order in which the reader discovers them: starts first, then row by row, class by class.
fn number_states(table: Table) -> Table {
    let mut order: Vec<usize> = Vec::new();
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    let mut visit = |state: usize, order: &mut Vec<usize>| {
        numbers.entry(state).or_insert_with(|| {
            order.push(state);
            order.len().saturating_sub(1)
        });
    };
    table.starts.iter().for_each(|&start| visit(start, &mut order));
    let mut at = 0;
    while let Some(row) = order.get(at).and_then(|&state| table.rows.get(state)) {
        for target in row.iter().take(table.width) {
            if let Target::State(next) = target {
                visit(*next, &mut order);
            }
        }
        at = at.saturating_add(1);
    }
    let number = |state: usize| numbers.get(&state).copied().unwrap_or_default();
    let rows = order.iter().filter_map(|&state| table.rows.get(state));
    let rows = rows.map(|row| row.iter().map(|target| renamed(*target, number)).collect()).collect();
    let starts = table.starts.iter().map(|&start| number(start)).collect();
    let mut table = Table { rows, starts, ..table };
    ignore_ends(&mut table);
    table
}
