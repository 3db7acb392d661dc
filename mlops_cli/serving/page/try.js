// The page to try a model: a form made of what the model takes, and its answer drawn.

import { drawn } from "./answers.js";
import { ask, byId, el, problem, show, whyNot } from "./elements.js";

const SHOWN = 5;
let models = [];

async function begin() {
  const answer = await ask("page/forms.json");
  if (!answer.ok) {
    show(byId("answer"), whyNot(answer));
    return;
  }
  models = answer.body.models;
  const names = models.map((model) => model.name);
  show(byId("which"), choice("model", "Model", names, names[0]), el("div", { id: "versions", class: "field" }));
  byId("model").addEventListener("change", chooseModel);
  chooseModel();
}

function chooseModel() {
  const model = current();
  const names = model.versions.map((version) => version.name);
  byId("versions").replaceWith(choice("version", "Version", names, model.primary, "versions"));
  byId("version").addEventListener("change", chooseVersion);
  chooseVersion();
}

function chooseVersion() {
  const { columns, kind, labels } = form();
  show(byId("fields"), ...columns.map(field));
  const short = columns.every((column) => column.kind === "number" || column.kind === "category");
  byId("fields").className = short ? "pair" : "";
  const scored = kind === "classes" || kind === "labels";
  show(byId("options"), ...(scored ? [figure("top_k", "Labels to show", Math.min(SHOWN, labels), 1, labels, 1), figure("threshold", "Threshold", kind === "labels" ? 0.5 : 0, 0, 1, 0.05)] : []));
}

const current = () => models.find((model) => model.name === byId("model").value);
const form = () => current().versions.find((version) => version.name === byId("version").value);

function choice(id, label, values, chosen, outer) {
  const options = values.map((value) => el("option", { value, selected: value === chosen }, value));
  return labelled(id, label, el("select", { id }, ...options), outer);
}

function figure(id, label, value, min, max, step) {
  return labelled(id, label, el("input", { id, type: "number", value, min, max, step }));
}

function labelled(id, label, control, outer) {
  return el("div", { class: "field", id: outer }, el("label", { for: id }, label), control);
}

function field(column, place) {
  const id = `column-${place}`;
  const made = labelled(id, column.name, control(id, column));
  if (column.kind === "words") made.append(el("p", { class: "hint" }, "Words are parted by spaces."));
  if (column.kind === "image") made.append(el("img", { class: "preview", id: `${id}-preview`, alt: "The chosen image", hidden: true }));
  return made;
}

function control(id, column) {
  if (column.kind === "category" && column.choices) {
    const values = column.choices.map((value) => el("option", { value }, value));
    return el("select", { id }, el("option", { value: "" }, "– none –"), ...values);
  }
  if (column.kind === "number") return el("input", { id, type: "text", inputmode: "decimal", autocomplete: "off" });
  if (column.kind === "category") return el("input", { id, type: "text", autocomplete: "off" });
  if (column.kind === "image") {
    const made = el("input", { id, type: "file", accept: "image/*" });
    made.addEventListener("change", () => chooseImage(made));
    return made;
  }
  return el("textarea", { id, rows: 4, spellcheck: false });
}

function chooseImage(input) {
  const [file] = input.files;
  if (!file) return setImage(input, "");
  const reader = new FileReader();
  reader.addEventListener("load", () => setImage(input, reader.result));
  reader.readAsDataURL(file);
}

function setImage(input, uri) {
  input.dataset.uri = uri;
  const preview = byId(`${input.id}-preview`);
  preview.hidden = !uri;
  if (uri) preview.src = uri;
}

function valueOf(column, input) {
  if (column.kind === "image") return input.dataset.uri || "";
  const text = input.value;
  if (column.kind === "number" && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  return text === "" && form().optional ? null : text;
}

function row() {
  const { columns } = form();
  return Object.fromEntries(columns.map((column, place) => [column.name, valueOf(column, byId(`column-${place}`))]));
}

async function predict(event) {
  event?.preventDefault();
  if (!models.length) return begin();
  const { columns } = form();
  const asked = row();
  const image = columns.find((column) => column.kind === "image" && !asked[column.name]);
  if (image) return show(byId("answer"), problem("no image is chosen", "choose a file first"));
  const body = { inputs: [asked] };
  if (byId("top_k")) body.top_k = Number(byId("top_k").value);
  if (byId("threshold")) body.threshold = Number(byId("threshold").value);
  byId("predict").disabled = true;
  const names = [byId("model").value, byId("version").value].map(encodeURIComponent);
  const path = `models/${names[0]}/versions/${names[1]}/predict`;
  const answer = await ask(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  byId("predict").disabled = false;
  show(byId("answer"), ...(answer.ok ? answered(answer, asked, columns) : [whyNot(answer)]));
}

function answered({ body, seconds }, asked, columns) {
  const { name, version } = body.model;
  const facts = el("p", { class: "facts" }, el("span", { id: "latency" }, `${(seconds * 1000).toFixed(1)} ms`), ` · ${name}, version ${version}`);
  return [...drawn(body.predictions[0], String(asked[columns[0].name] ?? "")), facts];
}

function fill(values) {
  form().columns.forEach((column, place) => {
    const input = byId(`column-${place}`);
    const value = values[column.name];
    if (column.kind === "image") {
      input.value = "";
      setImage(input, value && !value.startsWith("data:") ? `data:image/png;base64,${value}` : value);
    } else {
      input.value = value;
    }
  });
}

byId("form").addEventListener("submit", predict);
byId("form").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) predict(event);
});
byId("example").addEventListener("click", () => {
  if (models.length) fill(Object.fromEntries(form().columns.map(({ name, example }) => [name, example])));
});
byId("clear").addEventListener("click", () => {
  if (models.length) fill(Object.fromEntries(form().columns.map(({ name }) => [name, ""])));
  show(byId("answer"), el("p", { class: "quiet" }, "Nothing was asked yet."));
});
byId("secret").addEventListener("change", () => models.length || begin());
begin();
