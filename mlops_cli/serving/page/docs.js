// The API: each operation of openapi.json with its schema, a line for curl, and a try.

import { ask, byId, el, show, whyNot } from "./elements.js";

let known = {};

async function begin() {
  const answer = await ask("openapi.json");
  if (!answer.ok) return show(byId("operations"), whyNot(answer));
  known = answer.body.components?.schemas ?? {};
  const all = Object.entries(answer.body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })));
  show(byId("operations"), ...all.map((one, place) => drawn(one, place)));
}

function drawn({ path, method, operation }, place) {
  const summary = el("summary", {}, el("span", { class: "method" }, method), el("code", {}, path), el("span", { class: "quiet" }, operation.summary ?? ""));
  const inside = el("div");
  const made = el("details", { class: "operation", open: place === 0 }, summary, inside);
  const fill = () => inside.childElementCount || inside.append(...parts(path, method, operation, place));
  if (place === 0) fill();
  made.addEventListener("toggle", fill);
  return made;
}

function parts(path, method, operation, place) {
  const [type, asked] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const told = operation.responses?.["200"]?.content ?? {};
  const [answer] = Object.values(told);
  const text = asked?.example === undefined ? null : JSON.stringify(asked.example);
  return [
    ...(operation.description ? [el("p", {}, operation.description)] : []),
    ...parameters(operation.parameters),
    ...(asked ? [el("h3", {}, "Request"), el("pre", {}, outline(asked.schema))] : []),
    ...(answer ? [el("h3", {}, "Answer"), el("pre", {}, outline(answer.schema))] : []),
    ...(answer?.example ? [el("h3", {}, "Example of an answer"), el("pre", {}, JSON.stringify(answer.example, null, 2))] : []),
    ...statuses(operation.responses ?? {}),
    ...trial(path, method, type, text, place),
  ];
}

function parameters(found = []) {
  if (!found.length) return [];
  const rows = found.map((one) => el("tr", {}, el("td", {}, el("code", {}, one.name)), el("td", {}, `${one.in}, ${one.schema?.type ?? ""}`), el("td", {}, one.description ?? "")));
  return [el("h3", {}, "Parameters"), el("table", {}, el("tbody", {}, ...rows))];
}

function statuses(responses) {
  const rows = Object.entries(responses).map(([status, { description }]) => el("tr", {}, el("td", {}, el("span", { class: status < "300" ? "good" : "bad" }, status)), el("td", {}, description)));
  return [el("h3", {}, "Statuses"), el("table", {}, el("tbody", {}, ...rows))];
}

function trial(path, method, type, text, place) {
  const url = new URL(`.${path}`, location.href).href;
  const body = text === null ? null : el("textarea", { id: `body-${place}`, class: "code", spellcheck: false });
  const line = el("pre", { class: "curl" });
  const output = el("div", { "aria-live": "polite" });
  const write = () => line.replaceChildren(curl(url, method, type, body?.value));
  if (body) {
    body.value = text;
    body.addEventListener("input", write);
  }
  write();
  const copy = el("button", { type: "button" }, "Copy");
  copy.addEventListener("click", () => copied(copy, line));
  const go = el("button", { type: "button", class: "main" }, "Try");
  go.addEventListener("click", async () => {
    go.disabled = true;
    const headers = type ? { "content-type": type } : {};
    show(output, ...result(await ask(`.${path}`, { method, body: body?.value ?? null, headers })));
    go.disabled = false;
  });
  return [
    el("h3", {}, "Try it"),
    ...(body ? [el("div", { class: "field" }, el("label", { for: body.id }, "Body"), body)] : []),
    el("div", { class: "copied" }, line, copy),
    el("div", { class: "buttons" }, go),
    output,
  ];
}

function curl(url, method, type, body) {
  const quoted = (words) => `'${words.replaceAll("'", "'\\''")}'`;
  const secret = byId("secret").value.trim();
  return [
    `curl ${quoted(url)}`,
    ...(body === undefined && method !== "GET" ? [`-X ${method}`] : []),
    ...(secret ? [`-H ${quoted("Authorization: Bearer KEY")}`] : []),
    ...(body === undefined ? [] : [`-H ${quoted(`content-type: ${type}`)}`, `-d ${quoted(body)}`]),
  ].join(" ");
}

async function copied(button, line) {
  try {
    await navigator.clipboard.writeText(line.textContent);
    button.textContent = "Copied";
  } catch { // Only a page over TLS or on loopback may write there: mark it for the hand.
    getSelection().selectAllChildren(line);
    button.textContent = "Marked";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function result({ ok, status, body, text, seconds }) {
  if (!status) return [whyNot({ body })];
  const facts = el("p", {}, el("span", { class: ok ? "good" : "bad" }, status), ` in ${(seconds * 1000).toFixed(1)} ms`);
  return [facts, el("pre", { class: "result" }, typeof body === "object" ? JSON.stringify(body, null, 2) : text)];
}

// A schema in short: what is there, of which type, within which limits.
function outline(schema, indent = "", depth = 0) {
  const found = resolved(schema);
  const choices = found.anyOf ?? found.oneOf;
  if (choices) return [...new Set(choices.map((one) => outline(one, indent, depth)))].join(" or ");
  if (found.type === "object" && found.properties && depth < 6) {
    const inner = `${indent}  `;
    const lines = Object.entries(found.properties).map(([name, part]) => {
      const needed = found.required?.includes(name) ? "" : ` (default ${JSON.stringify(part.default ?? null)})`;
      const words = part.description ? `  // ${part.description}` : "";
      return `${inner}${JSON.stringify(name)}: ${outline(part, inner, depth + 1)}${needed}${words}`;
    });
    return `{\n${lines.join("\n")}\n${indent}}`;
  }
  if (found.type === "array") return `[${outline(found.items ?? {}, indent, depth + 1)}, …]`;
  if (found.type === "object") return `{label: ${outline(found.additionalProperties ?? {}, indent, depth + 1)}}`;
  return `${found.type ?? (found.enum ? found.enum.map((one) => JSON.stringify(one)).join(" or ") : "any")}${limits(found)}`;
}

function limits({ minimum, maximum, maxLength }) {
  const told = [minimum === undefined ? "" : `≥ ${minimum}`, maximum === undefined ? "" : `≤ ${maximum}`, maxLength === undefined ? "" : `up to ${maxLength} characters`];
  const words = told.filter(Boolean).join(", ");
  return words ? ` (${words})` : "";
}

function resolved(schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? known[name] ?? {} : schema ?? {};
}

byId("secret").addEventListener("change", begin);
begin();
