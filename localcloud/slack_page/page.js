// The page's script. Messages are hostile input, so it inserts them as text, never as HTML.
"use strict";

const LOOK_EVERY = 1000;
const HOME = "home";
const EMOJI = {
  rotating_light: "🚨", warning: "⚠️", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", no_entry: "⛔",
  no_entry_sign: "🚫", hourglass: "⌛", hourglass_flowing_sand: "⏳", eyes: "👀", lock: "🔒", unlock: "🔓", key: "🔑",
  bell: "🔔", memo: "📝", fire: "🔥", stopwatch: "⏱️", clock1: "🕐", information_source: "ℹ️", question: "❓",
  raised_hand: "✋", wave: "👋", bust_in_silhouette: "👤", busts_in_silhouette: "👥", door: "🚪", mag: "🔍",
  hammer: "🔨", octagonal_sign: "🛑", leftwards_arrow_with_hook: "↩️", broken_heart: "💔", speech_balloon: "💬", loudspeaker: "📢", mega: "📣", zap: "⚡", ok: "🆗", large_green_circle: "🟢",
  red_circle: "🔴", large_yellow_circle: "🟡", white_circle: "⚪", arrow_right: "➡️", lifter: "🏋️", test_tube: "🧪",
};

let user = "", place = "", userView = null, drawn = "", form = null, lastAction = 0, inputs = 0;
const closed = new Set();     // forms that this user has closed
const filled = new Map();     // inputs: "view/block/action" -> value
const read = new Map();       // channel -> newest message that was shown

// --- basics ----------------------------------------------------------------------------------------------------------

const $ = (id) => document.getElementById(id);

function make(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function trouble(text) {
  $("trouble").textContent = text;
  if (text) setTimeout(() => { if ($("trouble").textContent === text) $("trouble").textContent = ""; }, 12000);
}

async function ask(path, action) {
  const request = action ? {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({user, ...action}),
  } : {};
  const response = await fetch(path, request);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || `The page's server answered ${response.status}.`);
  return answer;
}

async function act(action, button) {
  trouble("");
  if (button) button.disabled = true;
  lastAction = Date.now();
  try {
    await ask("/do", action);
    await look();
  } catch (error) {
    trouble(error.message);
  } finally {
    if (button) button.disabled = false;
  }
}

// --- text in Slack's markup ------------------------------------------------------------------------------------------

const MARKUP = /```([^]+?)```|`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*([^*\n]+)\*(?!\w)|(?<![\w_])_([^_\n]+)_(?!\w)|(?<![\w~])~([^~\n]+)~(?!\w)|:([a-z0-9_+-]+):/g;

const plain = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

function marked(source) {
  const whole = make("span", "text");
  let end = 0;
  for (const found of source.matchAll(MARKUP)) {
    whole.append(plain(source.slice(end, found.index)));
    end = found.index + found[0].length;
    const [all, pre, code, angle, bold, italic, strike, emoji] = found;
    if (pre !== undefined) whole.append(make("pre", "", plain(pre)));
    else if (code !== undefined) whole.append(make("code", "", plain(code)));
    else if (angle !== undefined) whole.append(reference(angle));
    else if (bold !== undefined) whole.append(make("b", "", marked(bold)));
    else if (italic !== undefined) whole.append(make("i", "", marked(italic)));
    else if (strike !== undefined) whole.append(make("s", "", marked(strike)));
    else whole.append(EMOJI[emoji] || all);
  }
  whole.append(plain(source.slice(end)));
  return whole;
}

function reference(inside) {
  const [what, label] = [inside.split("|", 1)[0], inside.includes("|") ? inside.slice(inside.indexOf("|") + 1) : null];
  if (what.startsWith("@")) return make("span", "mention", `@${userView.members[what.slice(1)] || plain(label || what.slice(1))}`);
  if (what.startsWith("#")) {
    const channel = (userView.channels || []).find((one) => one.id === what.slice(1));
    return make("span", "mention", `#${channel ? channel.name : plain(label || what.slice(1))}`);
  }
  if (what.startsWith("!date^")) return date(what, plain(label || ""));
  if (what.startsWith("!")) return make("span", "mention", `@${plain(label || what.slice(1).replace(/^subteam\^/, ""))}`);
  return link(plain(what), plain(label || what));
}

function link(url, label) {
  // A link to anything but a web page is shown as text.
  if (!/^https?:\/\//i.test(url)) return make("span", "", label);
  const node = make("a", "", label);
  node.href = url;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return node;
}

function date(what, fallback) {
  const [, seconds, format] = what.split("^");
  const node = make("time", "", fallback);
  node.dataset.at = seconds;
  node.dataset.format = format || "";
  node.title = fallback;
  tick(node);
  return node;
}

function tick(node) {
  const at = new Date(Number(node.dataset.at) * 1000);
  if (Number.isNaN(at.getTime()) || !node.dataset.format) return;
  const today = at.toDateString() === new Date().toDateString();
  const day = (month) => at.toLocaleDateString("en", {day: "numeric", month, year: "numeric"});
  const tokens = {
    date_num: at.toISOString().slice(0, 10), date_short: day("short"), date_long: day("long"), date: day("long"),
    date_short_pretty: today ? "today" : day("short"), date_long_pretty: today ? "today" : day("long"),
    date_pretty: today ? "today" : day("long"),
    time: at.toLocaleTimeString("en", {hour: "2-digit", minute: "2-digit", hour12: false}),
    time_secs: at.toLocaleTimeString("en", {hour12: false}), ago: ago(at),
  };
  node.textContent = node.dataset.format.replace(/\{(\w+)\}/g, (all, name) => name in tokens ? tokens[name] : all);
}

function ago(at) {
  const seconds = Math.round((at - Date.now()) / 1000), far = Math.abs(seconds);
  const [count, unit] = far < 60 ? [far, "second"] : far < 3600 ? [Math.round(far / 60), "minute"]
    : far < 86400 ? [Math.round(far / 3600), "hour"] : [Math.round(far / 86400), "day"];
  const span = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds >= 0 ? `in ${span}` : `${span} ago`;
}

function text(object) {
  if (!object) return make("span");
  if (object.type === "mrkdwn") return marked(object.text);
  return make("span", "text", object.emoji === false ? object.text
    : object.text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] || all));
}

// --- blocks ----------------------------------------------------------------------------------------------------------

// `where` handles actions: {click(action_id, value, button), choose(block_id, chosen), key(block, element)}.
function block(one, where) {
  switch (one.type) {
    case "header": return make("div", "block header", text(one.text));
    case "divider": return make("hr");
    case "context": return make("div", "block context", ...(one.elements || []).map(text));
    case "actions": return make("div", "block actions", ...(one.elements || []).map((each) => element(each, one, where)));
    case "section": {
      const words = make("div");
      if (one.text) words.append(text(one.text));
      if (one.fields) words.append(make("div", "fields", ...one.fields.map(text)));
      return make("div", "block section", words, ...(one.accessory ? [element(one.accessory, one, where)] : []));
    }
    case "input": return input(one, where);
    default: return make("div", "block unknown", JSON.stringify(one));
  }
}

function element(one, inBlock, where) {
  switch (one.type) {
    case "button": return button(one, where);
    case "static_select": return menu(one, inBlock, where, true);
    case "external_select": case "multi_external_select": return search(one, inBlock, where, true);
    case "plain_text_input": return typing(one, inBlock, where);
    default: return make("span", "block unknown", JSON.stringify(one));
  }
}

function button(one, where) {
  if (one.url) {
    const node = link(one.url, "");
    node.className = "button";
    node.append(text(one.text), " ↗");
    node.addEventListener("click", () => { if (userView.app) where.click(one, null); });
    return node;
  }
  const node = make("button", one.style || "", text(one.text));
  node.type = "button";
  node.addEventListener("click", async () => {
    if (!one.confirm || await sure(one.confirm)) where.click(one, node);
  });
  return node;
}

function sure(confirm) {
  const dialog = $("question");
  const [yes, no] = [make("button", confirm.style || "primary", text(confirm.confirm)), make("button", "", text(confirm.deny))];
  dialog.replaceChildren(
    make("header", "", text(confirm.title)), make("div", "body", text(confirm.text)), make("footer", "", no, yes));
  return new Promise((answer) => {
    yes.onclick = () => { answer(true); dialog.close(); };
    no.onclick = () => dialog.close();
    dialog.onclose = () => answer(false);
    dialog.showModal();
  });
}

function input(one, where) {
  const label = make("label", "", text(one.label));
  if (one.optional) label.append(" ", make("span", "optional", "(optional)"));
  const [field, kind] = [one.element, one.element.type];
  const answers = one.dispatch_action === true;
  const control = kind === "plain_text_input" ? typing(field, one, where)
    : kind === "static_select" ? menu(field, one, where, answers)
    : kind.endsWith("external_select") ? search(field, one, where, answers)
    : make("div", "block unknown", JSON.stringify(field));
  const labelled = control.matches("input, textarea, select") ? control : control.querySelector("input");
  if (labelled) labelled.id = label.htmlFor = `input-${++inputs}`;
  const box = make("div", "input", label, control);
  if (one.hint) box.append(make("div", "hint", text(one.hint)));
  const missing = make("div", "missing");
  missing.dataset.block = one.block_id;
  box.append(missing);
  return box;
}

// The value of an input: the user's, else the app's initial value. Slack keeps the user's value while block and action
// have the same IDs.
function held(one, inBlock, where, proposed) {
  const key = where.key(inBlock, one);
  if (!filled.has(key)) filled.set(key, proposed);
  return [filled.get(key), (answer) => filled.set(key, answer)];
}

function typing(one, inBlock, where) {
  const [value, keep] = held(one, inBlock, where, one.initial_value || "");
  const node = make(one.multiline ? "textarea" : "input");
  node.value = value;
  node.dataset.key = where.key(inBlock, one);
  node.maxLength = one.max_length || 3000;
  if (one.placeholder) node.placeholder = one.placeholder.text;
  node.addEventListener("input", () => keep(node.value));
  return node;
}

function menu(one, inBlock, where, answersAtOnce) {
  const [value, keep] = held(one, inBlock, where, one.initial_option || null);
  const node = make("select");
  node.dataset.key = where.key(inBlock, one);
  const none = make("option", "", one.placeholder ? one.placeholder.text : "Choose");
  none.value = "";
  node.append(none);
  (one.options || []).forEach((option, index) => {
    const choice = make("option", "", option.text.text);
    choice.value = String(index);
    if (value && option.value === value.value) choice.selected = true;
    node.append(choice);
  });
  node.addEventListener("change", () => {
    const chosen = node.value === "" ? null : one.options[Number(node.value)];
    keep(chosen);
    if (answersAtOnce && chosen) where.choose(inBlock.block_id, chosen);
  });
  return node;
}

function search(one, inBlock, where, answersAtOnce) {
  const many = one.type.startsWith("multi_");
  const [value, keep] = held(one, inBlock, where, many ? one.initial_options || [] : one.initial_option || null);
  let chosen = many ? [...value] : value ? [value] : [];
  const [chips, typed, found] = [make("div", "chips"), make("input"), make("ul")];
  typed.placeholder = one.placeholder ? one.placeholder.text : "Type to search";
  found.hidden = true;
  let asked = 0;

  function show() {
    chips.replaceChildren(...chosen.map((option) => {
      const away = make("button", "", "×");
      away.type = "button";
      away.setAttribute("aria-label", `Remove ${option.text.text}`);
      away.onclick = (event) => { event.preventDefault(); change(chosen.filter((other) => other !== option)); };
      return make("span", "chip", option.text.text, away);
    }));
  }
  function change(to) {
    chosen = to;
    keep(many ? chosen : chosen[0] || null);
    show();
    if (answersAtOnce && (many || chosen.length)) where.choose(inBlock.block_id, many ? chosen : chosen[0]);
  }
  async function find() {
    const mine = ++asked;
    let options = [];
    try {
      options = await ask("/do", {type: "options", view: where.view, block_id: inBlock.block_id, typed: typed.value});
    } catch (error) { trouble(error.message); }
    if (mine !== asked || !node.isConnected) return;
    const taken = new Set(chosen.map((option) => option.value));
    const items = options.filter((option) => !taken.has(option.value)).map((option) => {
      const pick = make("button", "", option.text.text);
      pick.type = "button";
      pick.onclick = () => {
        found.hidden = true;
        typed.value = "";
        change(many ? [...chosen, option] : [option]);
      };
      return make("li", "", pick);
    });
    found.replaceChildren(...(items.length ? items : [make("li", "hint", "No more options.")]));
    found.hidden = false;
  }
  let timer = 0;
  typed.addEventListener("focus", find);
  typed.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, 200); });
  const node = make("div", "search", chips, typed, found);
  show();
  return node;
}

// --- messages --------------------------------------------------------------------------------------------------------

function message(one) {
  const by = make("div", "by", one.ephemeral ? "Break-glass" : userView.members[one.user] || one.user || "?");
  by.append(make("time", "", new Date(Number(one.ts) * 1000).toLocaleTimeString("en", {hour12: false})));
  if (one.edited) by.append(make("span", "", "(edited)"));
  if (one.ephemeral) by.append(make("span", "", "Only visible to you"));
  const where = {
    key: (inBlock, field) => `${one.ts}/${inBlock.block_id}/${field.action_id}`,
    click: (clicked, node) => act({type: "click", message: bare(one), action_id: clicked.action_id, value: clicked.value}, node),
    choose: () => trouble("This page supports no lists in messages."),
  };
  const body = one.blocks && one.blocks.length ? one.blocks.map((each) => block(each, where)) : [marked(one.text || "")];
  const node = make("article", one.ephemeral ? "message ephemeral" : "message", by, ...body);
  if (one.replies && one.replies.length) node.append(make("div", "replies", ...one.replies.map(message)));
  return node;
}

const bare = ({replies, ephemeral, ...kept}) => kept;

function withEphemerals(channel) {
  const ephemerals = userView.ephemerals.filter((one) => one.channel === channel.id).map((one) => ({...one, ephemeral: true}));
  const inThread = (ts) => ephemerals.filter((one) => one.thread_ts === ts);
  const messages = channel.messages.map((one) => ({...one, replies: [...one.replies, ...inThread(one.ts)]}));
  const others = ephemerals.filter((one) => !one.thread_ts);
  return [...messages, ...others].sort((a, b) => Number(a.ts) - Number(b.ts));
}

// --- forms and the Home tab ------------------------------------------------------------------------------------------

function inView(view) {
  return {
    view,
    key: (inBlock, field) => `${view.id}/${inBlock.block_id}/${field.action_id}`,
    click: (clicked, node) => act({type: "press", view, action_id: clicked.action_id, value: clicked.value}, node),
    choose: (block_id, chosen) => act({type: "choose", view, block_id, chosen, answers: answers(view)}),
  };
}

function answers(view) {
  const given = {};
  for (const one of view.blocks) {
    for (const field of [one.element, one.accessory, ...(one.elements || [])]) {
      const key = field && field.action_id ? `${view.id}/${one.block_id}/${field.action_id}` : "";
      if (filled.has(key) && filled.get(key) !== null) given[one.block_id] = filled.get(key);
    }
  }
  return given;
}

function empty(answer) {
  return answer === undefined || answer === "" || (Array.isArray(answer) && !answer.length);
}

function drawForm() {
  const open = userView.views.filter((view) => view.type === "modal" && !closed.has(view.id)).pop() || null;
  const dialog = $("form");
  if (!open) { close(); return; }
  if (form && form.id === open.id && form.changes === open.changes) return;
  form = open;
  const away = make("button", "", "×");
  away.setAttribute("aria-label", "Close");
  away.onclick = close;
  const footer = make("footer");
  const cancel = make("button", "", text(open.close || {type: "plain_text", text: "Close"}));
  cancel.onclick = close;
  footer.append(cancel);
  if (open.submit) {
    const send = make("button", "primary", text(open.submit));
    send.onclick = () => submit(open, send);
    footer.append(send);
  }
  const active = document.activeElement ? document.activeElement.dataset.key : "";
  const body = make("div", "body", ...open.blocks.map((one) => block(one, inView(open))));
  dialog.replaceChildren(make("header", "", text(open.title), away), body, footer);
  // The event arrives late, when another form may be open.
  dialog.onclose = () => { if (!dialog.open) close(); };
  if (!dialog.open) dialog.showModal();
  const again = active && body.querySelector(`[data-key="${CSS.escape(active)}"]`);
  if (again) again.focus();
}

function close() {
  if (form) closed.add(form.id);
  form = null;
  if ($("form").open) $("form").close();
}

function submit(view, send) {
  const given = answers(view);
  let whole = true;
  for (const one of view.blocks.filter((each) => each.type === "input")) {
    const lacks = !one.optional && empty(given[one.block_id]);
    const line = $("form").querySelector(`.missing[data-block="${CSS.escape(one.block_id)}"]`);
    if (line) line.textContent = lacks ? "Please complete this required field." : "";
    whole = whole && !lacks;
    if (one.optional && empty(given[one.block_id])) delete given[one.block_id];
  }
  if (whole) act({type: "submit", view, answers: given}, send);
}

// --- page ------------------------------------------------------------------------------------------------------------

async function look() {
  const asked = user;
  const seen = await ask(`/user-view?user=${encodeURIComponent(user)}`);
  if (asked !== user) return;
  const first = !userView || userView.user !== seen.user;
  userView = seen;
  if (!$("user").options.length) fillUsers();
  if (!user) return;
  // Forms that opened before this page count as closed.
  if (first) userView.views.forEach((view) => closed.add(view.id));
  draw();
  drawForm();
}

function fillUsers() {
  $("user").append(...Object.entries(userView.people).map(([name, whole]) => {
    const option = make("option", "", whole);
    option.value = name;
    return option;
  }));
}

function draw() {
  const home = userView.views.filter((view) => view.type === "home").pop() || null;
  if (place !== HOME && !userView.channels.some((one) => one.id === place)) place = userView.channels[0].id;
  const channel = userView.channels.find((one) => one.id === place);
  if (channel && channel.messages.length) read.set(place, newest(channel));
  $("hint").textContent = userView.app ? "" : "No app is deployed, because the stack file has no `approvals`. Buttons do nothing.";
  const now = JSON.stringify([user, place, place === HOME ? home : withEphemerals(channel),
    userView.channels.map((one) => [one.id, newest(one)])]);
  if (now === drawn) return;
  drawn = now;
  $("places").replaceChildren(...[...userView.channels.map((one) => [one.id, one.id.startsWith("D") ? one.name : `# ${one.name}`]),
    [HOME, "⌂ Home tab of the app"]].map(([id, label]) => {
    const node = make("button", "", label);
    const one = userView.channels.find((each) => each.id === id);
    if (one && newest(one) > (read.get(id) || 0)) node.classList.add("unread");
    node.setAttribute("aria-current", String(id === place));
    node.onclick = () => go(user, id);
    return make("li", "", node);
  }));
  $("place").textContent = place === HOME ? "Home tab" : channel.id.startsWith("D") ? channel.name : `# ${channel.name}`;
  $("topic").textContent = place === HOME ? "Shown by the app to you only" : channel.topic;
  const nodes = place === HOME
    ? (home ? home.blocks.map((one) => block(one, inView(home))) : [make("p", "empty", "Opening…")])
    : withEphemerals(channel).map(message);
  const atEnd = $("shown").parentElement.scrollHeight - $("shown").parentElement.scrollTop - $("shown").parentElement.clientHeight < 80;
  $("shown").replaceChildren(...(nodes.length ? nodes : [make("p", "empty", "No messages yet.")]));
  if (place !== HOME && atEnd) $("shown").parentElement.scrollTop = $("shown").parentElement.scrollHeight;
}

const newest = (channel) => Math.max(0, ...channel.messages.flatMap((one) => [one, ...one.replies]).map((one) => Number(one.ts)));

function go(name, id) {
  location.hash = `${encodeURIComponent(name)}/${encodeURIComponent(id)}`;
}

async function arrive() {
  const [name, id] = location.hash.slice(1).split("/").map(decodeURIComponent);
  user = userView && name in userView.people ? name : Object.keys(userView.people)[0];
  place = id || "";
  drawn = "";
  $("user").value = user;
  try { await look(); } catch (error) { trouble(error.message); return; }
  if (place === HOME) act({type: "home"});
}

async function keepLooking() {
  try {
    await look();
    document.querySelectorAll("time[data-at]").forEach(tick);
    if ($("trouble").dataset.lost) { $("trouble").textContent = ""; delete $("trouble").dataset.lost; }
  } catch (error) {
    $("trouble").textContent = `The local cloud does not answer (${error.message}). Was it stopped?`;
    $("trouble").dataset.lost = "yes";
  }
  setTimeout(keepLooking, Date.now() - lastAction < 8000 ? LOOK_EVERY / 4 : LOOK_EVERY);
}

$("user").onchange = () => go($("user").value, place);
$("command").onsubmit = (event) => {
  event.preventDefault();
  const [command, ...words] = $("typed").value.trim().split(/\s+/);
  if (command !== "/breakglass") { trouble("Not a command of the app. Expected /breakglass."); return; }
  act({type: "command", text: words.join(" ")}, $("command").querySelector("button"));
};
$("shortcut").onclick = () => act({type: "shortcut", callback_id: "request_access"}, $("shortcut"));
window.onhashchange = arrive;

(async () => {
  try { await look(); } catch (error) { trouble(error.message); }
  if (userView) await arrive();
  keepLooking();
})();
