//! Rules for objects: each member is looked at once, by name, then by patterns, then by what is left.

use super::{Part, Run, Stop, Verdict};
use crate::{
    json::Value,
    schema::{
        evaluated::Evaluated,
        ready::{Dependent, Edge, NONE, Node, Objects, Slot, Then},
    },
};

impl<'s> Run<'s, '_> {
    pub(super) fn objects(
        &mut self,
        rules: &'s Objects,
        value: Value<'_>,
        mut seen: Option<&mut Evaluated>,
    ) -> Verdict {
        let mut members = 0usize;
        let mut required = 0u32;
        let mut next = 0usize;
        for (key, member) in value.entries() {
            let name = key.as_bytes().unwrap_or_default();
            let slot = rules.names.find_next(&self.schemas.texts, name, &mut next);
            self.member(rules, slot, (key, member), seen.as_deref_mut().map(|seen| (seen, members)))?;
            let is_required = slot.is_some_and(|slot| slot.required);
            required = required.saturating_add(u32::from(is_required));
            members = members.saturating_add(1);
        }
        if required < rules.required {
            return self.broken(value, "required");
        }
        self.member_count(rules, members, value)?;
        for dependent in &rules.dependents {
            self.dependent(dependent, members, value, seen.as_deref_mut())?;
        }
        Ok(())
    }

    /// Judges one member.
    #[inline]
    fn member(
        &mut self,
        rules: &'s Objects,
        slot: Option<&Slot>,
        (key, member): (Value<'_>, Value<'_>),
        seen: Option<(&mut Evaluated, usize)>,
    ) -> Verdict {
        let mut evaluated = false;
        if let Some(slot) = slot
            && slot.node != NONE
        {
            evaluated = true;
            let edge = Edge { node: slot.node, keyword: "properties" };
            self.through(edge, Part::Text(slot.name), member, None)?;
        }
        if !rules.patterns.is_empty() {
            evaluated |= self.member_by_patterns(rules, key.as_bytes().unwrap_or_default(), member)?;
        }
        if let Some(node) = rules.additional
            && !evaluated
        {
            evaluated = true;
            self.through(Edge { node, keyword: "additionalProperties" }, Part::Nothing, member, None)?;
        }
        if let Some(node) = rules.property_names {
            self.through(Edge { node, keyword: "propertyNames" }, Part::Nothing, key, None)?;
        }
        if let Some((seen, ordinal)) = seen
            && evaluated
        {
            seen.mark(ordinal);
        }
        Ok(())
    }

    fn member_by_patterns(&mut self, rules: &'s Objects, name: &[u8], member: Value<'_>) -> Result<bool, Stop> {
        self.spend(rules.patterns.len(), member)?;
        let mut any = false;
        for matched in &rules.patterns {
            if self.matches(matched.pattern, name) {
                any = true;
                let edge = Edge { node: matched.node, keyword: "patternProperties" };
                self.through(edge, Part::Text(matched.name), member, None)?;
            }
        }
        Ok(any)
    }

    fn member_count(&mut self, rules: &Objects, members: usize, value: Value<'_>) -> Verdict {
        let members = u32::try_from(members).unwrap_or(u32::MAX);
        if rules.min.is_some_and(|min| members < min) {
            return self.broken(value, "minProperties");
        }
        if rules.max.is_some_and(|max| members > max) {
            return self.broken(value, "maxProperties");
        }
        Ok(())
    }

    fn dependent(
        &mut self,
        dependent: &'s Dependent,
        members: usize,
        value: Value<'_>,
        seen: Option<&mut Evaluated>,
    ) -> Verdict {
        let Dependent { keyword, name, then } = dependent;
        if !self.has_member(*name, members, value)? {
            return Ok(());
        }
        match then {
            Then::Holds(node) => self.through(Edge { node: *node, keyword }, Part::Text(*name), value, seen),
            Then::Has(others) => {
                for &other in others {
                    if !self.has_member(other, members, value)? {
                        return self.broken(value, keyword);
                    }
                }
                Ok(())
            }
        }
    }

    fn has_member(&mut self, name: u32, members: usize, value: Value<'_>) -> Result<bool, Stop> {
        self.spend(members, value)?;
        let schemas = self.schemas;
        let name = schemas.texts.get(name).unwrap_or_default();
        Ok(value.members().any(|(key, _)| key == name))
    }

    pub(super) fn unevaluated_properties(&mut self, node: &'s Node, value: Value<'_>, own: &mut Evaluated) -> Verdict {
        let Some(rest) = node.objects.as_ref().and_then(|objects| objects.unevaluated) else {
            return Ok(());
        };
        for (ordinal, (_, member)) in value.members().enumerate() {
            if !own.has(ordinal) {
                self.through(Edge { node: rest, keyword: "unevaluatedProperties" }, Part::Nothing, member, None)?;
            }
        }
        own.mark_all();
        Ok(())
    }
}
