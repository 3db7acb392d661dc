// Elements are made here only, and their texts are set as text: what a user or a model says is
// never read as HTML.

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

export function show(place, ...children) {
  place.replaceChildren(...children);
}

export function problem(error, hint) {
  const words = sentence(error);
  const shown = el("p", { class: "wrong", role: "alert" }, words);
  if (hint) shown.append(el("span", {}, sentence(hint)));
  return shown;
}

function sentence(words) {
  const text = String(words).trim();
  const begun = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?…}'"\]]$/.test(begun) ? begun : `${begun}.`;
}

// Asks the server. Gives {ok, status, body, text, seconds}; never throws.
export async function ask(path, { method = "GET", body = null, headers = {} } = {}) {
  const secret = byId("secret").value.trim();
  const sent = secret ? { ...headers, authorization: `Bearer ${secret}` } : headers;
  const began = performance.now();
  try {
    const answer = await fetch(path, { method, body, headers: sent, credentials: "same-origin" });
    const text = await answer.text();
    const seconds = (performance.now() - began) / 1000;
    if (answer.status === 401) byId("key").hidden = false;
    return { ok: answer.ok, status: answer.status, body: parsed(text), text, seconds };
  } catch {
    return {
      ok: false, status: 0, text: "", seconds: 0,
      body: { error: "the server can't be reached", hint: "see whether it is running" },
    };
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { error: text || "the answer is empty", hint: "" };
  }
}

export function whyNot(answer) {
  const { error, hint } = answer.body ?? {};
  return problem(error ?? `the server answered with status ${answer.status}`, hint);
}
