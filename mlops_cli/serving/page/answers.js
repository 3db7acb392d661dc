// An answer of a model as elements.

import { el } from "./elements.js";

export function drawn(prediction, text) {
  if ("entities" in prediction) return entities(prediction, text);
  if ("value" in prediction) return [number(prediction.value)];
  if ("labels" in prediction) return [chips(prediction.labels), bars(prediction.scores)];
  const label = prediction.label ?? (prediction.score === null ? "No answer: the input is empty" : "No label is likely enough");
  return [el("p", { class: "label", id: "label" }, label), bars(prediction.scores ?? {})];
}

function number(value) {
  const words = value === null ? "No answer" : new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(value);
  return el("p", { class: "number", id: "number", title: String(value) }, words);
}

function chips(labels) {
  if (!labels.length) return el("p", { class: "label" }, "No label is likely enough");
  return el("ul", { class: "chips", "aria-label": "Labels" }, ...labels.map((label) => el("li", { class: "chip" }, label)));
}

function bars(scores) {
  const entries = Object.entries(scores).sort((one, other) => other[1] - one[1]);
  const rows = entries.map(([label, score], place) => {
    const bar = el("div", { class: "bar" });
    bar.style.width = `${Math.max(0, Math.min(1, score)) * 100}%`;
    const figure = el("span", { class: "score", "data-score": score }, `${(score * 100).toFixed(1)} %`);
    const name = el("div", { class: "name" }, el("span", {}, label), figure);
    return el("li", { class: place ? "" : "first" }, name, el("div", { class: "track", "aria-hidden": "true" }, bar));
  });
  return el("ul", { class: "bars", "aria-label": "Scores" }, ...rows);
}

// Places are counted in characters, of which some are two units in JavaScript.
function entities({ entities: found }, text) {
  const characters = Array.from(text);
  const marked = el("p", { class: "marked", id: "marked" });
  let end = 0;
  for (const one of found) {
    marked.append(characters.slice(end, one.start).join(""));
    const title = `${one.label}, ${(one.score * 100).toFixed(1)} %`;
    marked.append(el("mark", { title }, characters.slice(one.start, one.end).join(""), el("b", {}, one.label)));
    end = one.end;
  }
  marked.append(characters.slice(end).join(""));
  const none = found.length ? [] : [el("p", { class: "quiet" }, "No entity was found.")];
  return [marked, ...none];
}
