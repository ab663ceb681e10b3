//! Whether the fields that mirror arguments of a tool say what the body says.
//!
//! In: a tool that the agent may call, and the arguments. Out: nothing, or which field disagrees.
//! Knows nothing of fields that mirror no argument by the policy: they go on as they came.

use super::{Denial, Mcp};
use crate::{
    bundle::Ruled,
    denial::Reason,
    json::Value,
    mcp::{self, Objection},
    policy::{Policy, ToolIndex},
    request::Head,
};

impl Mcp {
    /// Compares each field with its argument. The rule is the schema that has the field.
    pub(super) fn confirm_arguments(
        &self,
        policy: &Policy,
        tool: ToolIndex,
        arguments: Value<'_>,
    ) -> Result<(), Denial> {
        let head = Head { fields: &self.fields };
        policy.mirrored(tool).iter().try_for_each(|Ruled { rule, value }| {
            mcp::confirm_argument(head, self.version, arguments, value)
                .map_err(|disagreement| (Reason::Mcp(Objection::Disagreement(disagreement)), *rule).into())
        })
    }
}
