//! What a server tells the model about itself when it is first met.
//!
//! In: a result, and whether what it tells goes on. Out: the place to change in its bytes, if it does not.
//! Decides on nothing itself. The member stays, and is empty: no client wants for it.

use super::{
    answer::Said,
    list::{BadList, Edit},
    lookalike::is_lookalike,
};
use crate::json::Value;

const INSTRUCTIONS: &str = "instructions";

/// Whether a request is one by which a server is first met.
pub(super) fn is_first(method: &str) -> bool {
    matches!(method, "initialize" | "server/discover")
}

/// Empties the instructions that do not go on.
pub(super) fn edit<'d>(result: Value<'d>, show: &mut dyn FnMut(Said<'d>) -> bool) -> Result<Option<Edit>, BadList> {
    if result.members().any(|(key, _)| is_lookalike(key, &[INSTRUCTIONS])) {
        return Err(BadList::Lookalike);
    }
    let instructions = result.child(INSTRUCTIONS).filter(|told| !show(Said::Instructions(*told)));
    Ok(instructions.map(|told| (told.span(), "\"\"")))
}
