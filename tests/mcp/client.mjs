// Clients of the official TypeScript SDKs: go through scripts, and print what they saw.
//
// In: one argument, a file of scripts, and TOOLGATE_MCP_NODE, the folder of the packages. Out: one line of JSON a step.
// script.py says what a script is and what is printed; here each run also has `line`, `old` or `new`.

import { readFile } from "node:fs/promises";
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
// So soon does a client come back for the rest of a stream, unless the server says when.
const RECONNECTION = {
  initialReconnectionDelay: 100,
  maxReconnectionDelay: 1000,
  reconnectionDelayGrowFactor: 2,
  maxRetries: 2,
};
const FRESH = { cacheMode: "refresh" };

const require = createRequire(`${process.env.TOOLGATE_MCP_NODE}/`);

/** One run: its script, and what was heard beside the answers until a step takes it. */
class Conversation {
  notifications = [];
  questions = [];
  wire = new Set();
  cut;
  isDone = false;

  constructor(number, script) {
    this.number = number;
    this.script = script;
    this.http = script.http2 ? fetchByHttp2(script.url) : fetch;
  }

  /** Any answer of the server is what was seen, be it as the protocol has it or not. */
  fetch = async (url, options = {}) => {
    const answer = await this.http(url, options);
    const kind = (answer.headers.get("content-type") ?? "").split(";")[0];
    const method = options.method ?? "GET";
    // The end of a session ends its stream, and a client that has the time comes back for that.
    if (!this.isDone || method !== "GET") this.wire.add(`${method} ${answer.status} ${kind}`.trimEnd());
    if (this.cut === undefined || method !== "POST" || kind !== "text/event-stream") return answer;
    const body = answer.body.pipeThrough(cutAfter(this.cut));
    this.cut = undefined;
    return new Response(body, { status: answer.status, headers: answer.headers });
  };

  show(line) {
    process.stdout.write(`${JSON.stringify([this.number, line]).replace(CHANCE, "<chance>")}\n`);
  }
}

/** Node's own `fetch` speaks HTTP/2 to nobody; the library that it is made of does, also without TLS. It sends no POST
 * on a connection with an open answer, and so each answer has its own. */
function fetchByHttp2(endpoint) {
  const { H2CClient, Pool, fetch } = require("undici");
  const factory = (origin) => new H2CClient(origin, { pipelining: 1 });
  const dispatcher = new Pool(new URL(endpoint).origin, { factory });
  return (url, options) => fetch(url, { ...options, dispatcher });
}

/** Lets so many events pass, and then breaks as a connection does. */
function cutAfter(events) {
  let seen = 0;
  let last = "";
  return new TransformStream({
    transform(chunk, controller) {
      for (let at = 0; at < chunk.length; at += 1) {
        const byte = String.fromCharCode(chunk[at]);
        if (byte === "\r") continue;
        seen += byte === "\n" && last === "\n" ? 1 : 0;
        last = byte;
        if (seen < events) continue;
        controller.enqueue(chunk.subarray(0, at + 1));
        controller.error(new TypeError("cut"));
        return;
      }
      controller.enqueue(chunk);
    },
  });
}

function oldLine(heard) {
  const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const types = require("@modelcontextprotocol/sdk/types.js");
  const schemas = {
    "sampling/createMessage": types.CreateMessageRequestSchema,
    "elicitation/create": types.ElicitRequestSchema,
    "roots/list": types.ListRootsRequestSchema,
  };
  const client = new Client({ name: "tests", version: "1.0.0" }, { capabilities: CAPABILITIES });
  const transport = new StreamableHTTPClientTransport(new URL(heard.script.url), transportOptions(heard));
  const send = transport.send.bind(transport);
  // This line always offers its newest; there is no option for another.
  transport.send = (message, options) => {
    if (message.method !== "initialize") return send(message, options);
    return send({ ...message, params: { ...message.params, protocolVersion: heard.script.version } }, options);
  };
  return {
    client,
    transport,
    version: () => transport.protocolVersion,
    listen: (method, answer) => client.setRequestHandler(schemas[method], answer),
    call: (params, options) => client.callTool(params, undefined, options),
  };
}

function newLine(heard) {
  const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
  const { version } = heard.script;
  const how =
    version === "auto"
      ? { versionNegotiation: { mode: "auto" } }
      : version === MODERN
        ? { versionNegotiation: { mode: { pin: MODERN } } }
        : { supportedProtocolVersions: [version] };
  const client = new Client({ name: "tests", version: "1.0.0" }, { capabilities: CAPABILITIES, ...how });
  return {
    client,
    transport: new StreamableHTTPClientTransport(new URL(heard.script.url), transportOptions(heard)),
    version: () => client.getNegotiatedProtocolVersion(),
    listen: (method, answer) => client.setRequestHandler(method, answer),
    // Without this, a server of the newest version logs nothing to the client.
    call: (params, options) =>
      client.callTool({ ...params, _meta: { "io.modelcontextprotocol/logLevel": "info" } }, options),
  };
}

function transportOptions(heard) {
  const requestInit = { headers: heard.script.headers ?? {} };
  return { fetch: heard.fetch, requestInit, reconnectionOptions: RECONNECTION };
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

async function saw(heard, step, acting) {
  let seen;
  heard.cut = step.cut;
  try {
    seen = { saw: (await acting()) ?? null };
  } catch (problem) {
    const { code, message, data } = problem;
    seen = { error: { kind: problem.constructor.name, code, message, data } };
  }
  for (const kind of ["notifications", "questions"]) {
    if (kind in step && "saw" in seen) seen[kind] = await take(heard[kind], step[kind]);
  }
  heard.show({ step: { do: step.do, name: step.name, uri: step.uri }, ...seen });
  return "saw" in seen;
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

async function converse(heard) {
  const sdk = heard.script.line === "old" ? oldLine(heard) : newLine(heard);
  sdk.client.fallbackNotificationHandler = async ({ method, params }) => heard.notifications.push({ method, params });
  for (const [method, answer] of Object.entries(ANSWERS)) {
    sdk.listen(method, async ({ params }) => {
      heard.questions.push({ method, params });
      return answer;
    });
  }
  if (await saw(heard, { do: "connect" }, () => connect(sdk))) {
    for (const step of heard.script.steps) await saw(heard, step, () => act(sdk, step));
    heard.isDone = true;
    await close(sdk);
  }
  heard.show({ answers: [...heard.wire].sort() });
}

const work = JSON.parse(await readFile(process.argv[2], "utf8"));
const waiting = work.runs.map((script, number) => new Conversation(number, script));
const worker = async () => {
  for (let heard = waiting.shift(); heard !== undefined; heard = waiting.shift()) {
    await converse(heard).catch((problem) => process.stderr.write(`${problem.stack}\n`));
  }
};
await Promise.all(Array.from({ length: work.at_once }, worker));
process.exit(0);
