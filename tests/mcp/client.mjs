// A client of the official TypeScript SDKs: goes through a script, and prints what it saw.
//
// In: one argument, a JSON object of `url`, `headers`, `line` (`old` or `new`), `version` (that it offers; or `auto`,
// which probes) and `steps`; and TOOLGATE_MCP_NODE, the folder of the packages. Out: one line of JSON a step, and one
// of the answers' kinds. What is named by chance, as sessions are, is written `<chance>`, as client.py has it too,
// which says what a step is.

import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE = 15;
// Sessions and ids of requests, the port, and the message's id, which the old line shows with a refusal's whole body.
const CHANCE = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|http:\/\/127\.0\.0\.1:\d+|(?<=\\"id\\":)\d+/g;
const MODERN = "2026-07-28";
const CAPABILITIES = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const ANSWERS = {
  "sampling/createMessage": {
    role: "assistant",
    model: "a-model",
    content: { type: "text", text: "Roses are red." },
  },
  "elicitation/create": { action: "accept", content: { size: 42, name: "Ada" } },
  "roots/list": { roots: [{ uri: "file:///project", name: "project" }] },
};
const FRESH = { cacheMode: "refresh" };

const script = JSON.parse(process.argv[2]);
const require = createRequire(`${process.env.TOOLGATE_MCP_NODE}/`);
const notifications = [];
const questions = [];
const wire = new Set();

/** Any answer of the server is what was seen, be it as the protocol has it or not. */
async function fetchAndRemember(url, options) {
  const answer = await fetch(url, options);
  const kind = (answer.headers.get("content-type") ?? "").split(";")[0];
  wire.add(`${options?.method ?? "GET"} ${answer.status} ${kind}`.trimEnd());
  return answer;
}

function transportOptions() {
  return { fetch: fetchAndRemember, requestInit: { headers: script.headers ?? {} } };
}

function oldLine() {
  const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const types = require("@modelcontextprotocol/sdk/types.js");
  const schemas = {
    "sampling/createMessage": types.CreateMessageRequestSchema,
    "elicitation/create": types.ElicitRequestSchema,
    "roots/list": types.ListRootsRequestSchema,
  };
  const client = new Client({ name: "tests", version: "1.0.0" }, { capabilities: CAPABILITIES });
  const transport = new StreamableHTTPClientTransport(new URL(script.url), transportOptions());
  const send = transport.send.bind(transport);
  // This line always offers its newest; there is no option for another.
  transport.send = (message, options) => {
    if (message.method !== "initialize") return send(message, options);
    return send({ ...message, params: { ...message.params, protocolVersion: script.version } }, options);
  };
  return {
    client,
    transport,
    version: () => transport.protocolVersion,
    listen: (method, answer) => client.setRequestHandler(schemas[method], answer),
    call: (params, options) => client.callTool(params, undefined, options),
  };
}

function newLine() {
  const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
  const how =
    script.version === "auto"
      ? { versionNegotiation: { mode: "auto" } }
      : script.version === MODERN
        ? { versionNegotiation: { mode: { pin: MODERN } } }
        : { supportedProtocolVersions: [script.version] };
  const client = new Client({ name: "tests", version: "1.0.0" }, { capabilities: CAPABILITIES, ...how });
  return {
    client,
    transport: new StreamableHTTPClientTransport(new URL(script.url), transportOptions()),
    version: () => client.getNegotiatedProtocolVersion(),
    listen: (method, answer) => client.setRequestHandler(method, answer),
    // Without this, a server of the newest version logs nothing to the client.
    call: (params, options) =>
      client.callTool({ ...params, _meta: { "io.modelcontextprotocol/logLevel": "info" } }, options),
  };
}

/** Waits until all methods are there, each as often as it is named, and takes them out. */
async function take(pending, methods) {
  const taken = [];
  for (const method of methods) {
    let at = -1;
    for (let tries = 0; tries < PATIENCE * 100 && at < 0; tries += 1) {
      at = pending.findIndex((message) => message.method === method);
      if (at < 0) await sleep(10);
    }
    if (at < 0) return { missing: method, taken };
    taken.push(...pending.splice(at, 1));
  }
  return taken;
}

/** All pages. The new line joins them by itself, and would otherwise show again what it saw before. */
async function pages(list, member) {
  const found = [];
  let cursor;
  do {
    const page = await list(cursor === undefined ? {} : { cursor });
    found.push(page);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { pages: found, count: found.reduce((sum, page) => sum + page[member].length, 0) };
}

async function call(sdk, step) {
  const progress = [];
  const onprogress = (told) => progress.push([told.progress, told.total, told.message]);
  const options = { onprogress, timeout: PATIENCE * 1000 };
  const result = await sdk.call({ name: step.name, arguments: step.arguments ?? {} }, options);
  for (let tries = 0; tries < PATIENCE * 100 && progress.length < (step.progress ?? 0); tries += 1) await sleep(10);
  return { result, progress };
}

/** Calls, and gives the call up as soon as it says that it is under way. */
async function cancel(sdk, step) {
  const giveUp = new AbortController();
  const options = { signal: giveUp.signal, onprogress: () => giveUp.abort("enough"), timeout: PATIENCE * 1000 };
  const running = sdk.call({ name: step.name, arguments: step.arguments ?? {} }, options);
  const ended = await running.then(
    () => "answered",
    () => "given up",
  );
  return { ended, aborted: giveUp.signal.aborted };
}

async function subscribe(sdk, step) {
  if (sdk.version() !== MODERN) return sdk.client.subscribeResource({ uri: step.uri });
  const listening = await sdk.client.listen({ toolsListChanged: true, resourceSubscriptions: [step.uri] });
  return listening.honoredFilter;
}

function act(sdk, step) {
  const { client } = sdk;
  switch (step.do) {
    case "tools":
      return pages((params) => client.listTools(params, FRESH), "tools");
    case "resources":
      return pages((params) => client.listResources(params, FRESH), "resources");
    case "templates":
      return pages((params) => client.listResourceTemplates(params, FRESH), "resourceTemplates");
    case "prompts":
      return pages((params) => client.listPrompts(params, FRESH), "prompts");
    case "call":
      return call(sdk, step);
    case "cancel":
      return cancel(sdk, step);
    case "read":
      return client.readResource({ uri: step.uri });
    case "prompt":
      return client.getPrompt({ name: step.name, arguments: step.arguments });
    case "complete":
      return client.complete({ ref: { type: "ref/prompt", name: step.name }, argument: step.argument });
    case "subscribe":
      return subscribe(sdk, step);
    case "level":
      return client.setLoggingLevel(step.level);
    case "ping":
      return client.ping();
    default:
      throw new Error(`no step \`${step.do}\``);
  }
}

async function saw(step, acting) {
  let seen;
  try {
    seen = { saw: (await acting()) ?? null };
  } catch (problem) {
    const { code, message, data } = problem;
    seen = { error: { kind: problem.constructor.name, code, message, data } };
  }
  for (const [kind, pending] of Object.entries({ notifications, questions })) {
    if (kind in step && "saw" in seen) seen[kind] = await take(pending, step[kind]);
  }
  show({ step: { do: step.do, name: step.name, uri: step.uri }, ...seen });
  return "saw" in seen;
}

function show(line) {
  process.stdout.write(`${JSON.stringify(line).replace(CHANCE, "<chance>")}\n`);
}

async function connect(sdk) {
  await sdk.client.connect(sdk.transport);
  return {
    version: sdk.version(),
    server: sdk.client.getServerVersion(),
    capabilities: sdk.client.getServerCapabilities(),
    instructions: sdk.client.getInstructions(),
  };
}

async function close(sdk) {
  if (sdk.transport.sessionId !== undefined) await sdk.transport.terminateSession();
  await sdk.client.close();
}

const sdk = script.line === "old" ? oldLine() : newLine();
sdk.client.fallbackNotificationHandler = async ({ method, params }) => notifications.push({ method, params });
for (const [method, answer] of Object.entries(ANSWERS)) {
  sdk.listen(method, async ({ params }) => {
    questions.push({ method, params });
    return answer;
  });
}
if (await saw({ do: "connect" }, () => connect(sdk))) {
  for (const step of script.steps) await saw(step, () => act(sdk, step));
  await close(sdk);
}
show({ answers: [...wire].sort() });
process.exit(0);
