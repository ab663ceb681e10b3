//! MCP servers, with their tools, resources and prompts.
//!
//! In: a mapping. Out: the server, and its tools, which stand among all tools under `{server}/{tool}`.
//! Does not know whether a name is declared.

use super::{Given, Named, Tool, fields, fields::Fields, read, values};
use crate::{
    diagnostic::{Code, Finding, Findings},
    shape::{Names, Table},
    source::{Kind, Node, Span},
};
use toolgate_engine::bundle::{Consequence, Uris};

/// A server without its tools.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) id: Named,
    pub(crate) path: Option<Given<String>>,
    pub(crate) host: Option<Given<String>>,
    pub(crate) versions: Option<Given<Vec<Named>>>,
    pub(crate) origins: Option<Given<Vec<Named>>>,
    pub(crate) methods: Option<Given<Vec<Named>>>,
    pub(crate) changed: Option<Given<Consequence>>,
    pub(crate) suspicious: Option<Given<Consequence>>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) prompts: Vec<(Named, Readers)>,
}

/// Resources that may be read.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its place in the list.
    pub(crate) at: usize,
    pub(crate) span: Span,
    pub(crate) uris: Uris,
    pub(crate) readers: Readers,
}

/// To whom a resource or a prompt is granted.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    pub(crate) agents: Option<Given<Vec<Named>>>,
    pub(crate) groups: Option<Given<Vec<Named>>>,
}

/// The servers, and the tools of all of them.
pub(super) fn servers(fields: &mut Fields<'_, '_>) -> (Option<Span>, Vec<Server>, Vec<Tool>) {
    let mut tools = Vec::new();
    let servers = fields.named(Names::Servers, |id, fields| server(id, fields, &mut tools));
    let Some(Given { span, value }) = servers else { return (None, Vec::new(), Vec::new()) };
    (Some(span), value.unwrap_or_default(), tools)
}

fn server(id: Named, fields: &mut Fields<'_, '_>, tools: &mut Vec<Tool>) -> Server {
    fields.text("description");
    let own = fields.named(Names::Tools, |tool, fields| {
        let of = (id.name.clone(), tool.name.clone());
        let pin = fields.written("pin");
        let tool = Named { name: format!("{}/{}", id.name, tool.name), ..tool };
        Tool { server: Some(of), pin, ..read::tool(tool, fields) }
    });
    tools.extend(own.and_then(|given| given.value).unwrap_or_default());
    let prompts = fields.keyed("prompts", |name, fields| (name, readers(fields)));
    Server {
        path: fields.written("path"),
        host: fields.written("host"),
        versions: fields.written_list("versions"),
        origins: fields.written_list("origins"),
        methods: fields.written_list("methods"),
        changed: fields.word("changed"),
        suspicious: fields.word("suspicious"),
        resources: fields.resources().unwrap_or_default(),
        prompts: prompts.and_then(|given| given.value).unwrap_or_default(),
        id,
    }
}

fn readers(fields: &mut Fields<'_, '_>) -> Readers {
    Readers { agents: fields.list_of("agents", Names::Agents), groups: fields.list_of("groups", Names::Groups) }
}

/// The entries of `resources`.
pub(super) fn resources(node: &Node, table: &'static Table, findings: &mut Findings) -> Option<Vec<Resource>> {
    let Kind::List(items) = &node.kind else {
        values::wrong_type(node, "a list", findings);
        return None;
    };
    let resource = |(at, item): (usize, &Node)| {
        fields::read(item, item.span, table, findings, |fields| resource(at, item.span, fields)).flatten()
    };
    Some(items.iter().enumerate().filter_map(resource).collect())
}

fn resource(at: usize, span: Span, fields: &mut Fields<'_, '_>) -> Option<Resource> {
    let (uri, prefix, readers) = (fields.written("uri"), fields.written("prefix"), readers(fields));
    let uris = match (uri, prefix) {
        (Some(uri), None) => Uris::One(uri.value?),
        (None, Some(prefix)) => Uris::Below(prefix.value?),
        (None, None) => {
            let finding = Finding::new(Code::MissingKey, span, "this entry does not say which resource is meant");
            fields.findings.add(finding.help("add `uri` or `prefix`"));
            return None;
        }
        (Some(_), Some(_)) => {
            let message = "this entry says in two ways which resource is meant";
            fields.findings.add(Finding::new(Code::WrongType, span, message).help("make an entry of each"));
            return None;
        }
    };
    Some(Resource { at, span, uris, readers })
}
