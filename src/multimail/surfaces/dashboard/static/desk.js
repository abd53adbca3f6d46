/* The desk without this file is whole: links, forms and pages. This adds keys, news, and small comforts. */
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

function say(words) {
  const live = $("#live");
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = words; });
}

/* The list: which row is open, and the one before and after it. */

const rows = () => $$("#list .row > a");
const opened = () => $("#pane .email")?.dataset.email;
const openRow = () => rows().find((row) => row.dataset.id === opened());

function mark() {
  const open = opened();
  for (const row of rows()) {
    if (row.dataset.id === open) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  $("main.desk")?.classList.toggle("reading", Boolean(open || $("#pane .gone")));
}

function step(by) {
  const all = rows(), at = all.indexOf(openRow());
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  if (!next) return;
  next.click();
  next.scrollIntoView({ block: "nearest" });
}

/* Keys. */

const press = (selector) => { const found = $(selector); found?.click(); return Boolean(found); };

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  a: () => press(".decide button.approve"),
  r: () => {
    const sheet = $("#reject");
    if (!sheet) return;
    sheet.open = true;
    $("textarea", sheet).focus();
  },
  e: () => press(".decide a.edit"),
  u: () => press(".undo button"),
  x: () => openRow()?.parentElement.querySelector("input[type=checkbox]")?.click(),
  "/": () => ($("input[type=search]") ?? location.assign("/dashboard/queue"))?.focus?.(),
  "?": () => $("#keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const sheet of $$(".decide details[open]")) sheet.open = false;
    if (typing(event.target)) event.target.blur();
    return;
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#reject")) {
    event.preventDefault();
    press("#reject button");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  if (event.repeat && !"jk".includes(event.key)) return;  // a key that is held decides once
  act();
});

/* Swipes on a phone: right is the one before, left the one after. */

let touch = null;
document.addEventListener("touchstart", (event) => {
  const one = event.touches.length === 1 && event.target.closest(".email > header, .envelope, .crumbs");
  touch = one ? [event.touches[0].clientX, event.touches[0].clientY] : null;
}, { passive: true });
document.addEventListener("touchend", (event) => {
  if (!touch) return;
  const dx = event.changedTouches[0].clientX - touch[0], dy = event.changedTouches[0].clientY - touch[1];
  touch = null;
  if (Math.abs(dx) > 80 && Math.abs(dx) > 3 * Math.abs(dy)) step(dx < 0 ? 1 : -1);
}, { passive: true });

/* What can be taken back counts down; then its button goes. */

function countDown(form) {
  let left = Number(form.dataset.seconds);
  const told = $("small", form);
  const tick = () => {
    if (!form.isConnected) return;
    if (left <= 0) { form.remove(); return; }
    told.textContent = `${left} s`;
    left -= 1;
    setTimeout(tick, 1000);
  };
  tick();
}

/* Times as people say them; the exact one is in the title. */

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

function ago(time) {
  const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
  const unit = UNITS.find(([, length]) => Math.abs(seconds) >= length);
  if (Math.abs(seconds) < 30 * 86400) time.textContent = unit ? relative.format(Math.trunc(seconds / unit[1]), unit[0]) : "now";
}

/* After every swap, and once at first. */

function entitle(count) {
  document.title = document.title.replace(/^(\(\d+\) )?/, count ? `(${count}) ` : "");
}

function settle(within) {
  mark();
  if ($("#list")) entitle(Number($("#list").dataset.waiting));
  $$("time[data-ago]", within).forEach(ago);
  $$(".undo[data-seconds]:not([data-counted])", within).forEach((form) => { form.dataset.counted = ""; countDown(form); });
  $$("[data-say]", within).forEach((one) => { say(one.dataset.say); });
  $$("[data-copy]", within).forEach((button) => { button.hidden = !navigator.clipboard; });
  const pushes = "PushManager" in window && "serviceWorker" in navigator;
  $$("form[data-push]", within).forEach((form) => { form.hidden = !pushes; });
  $$("[data-no-push]", within).forEach((words) => { words.hidden = pushes; });
  $$("form[data-passkey]", within).forEach((form) => { form.hidden = !window.PublicKeyCredential; });
}

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail?.ctx?.target;
  settle(document);
  if (target?.id === "list") return;
  const title = $("#pane .email h1");
  // The event comes some time after the new page is there: who types in it already must not type on, as keys, elsewhere.
  if (title && !typing(document.activeElement)) { title.focus({ preventScroll: true }); $("#pane").scrollTop = 0; }
  if (title && matchMedia("(max-width: 60rem)").matches) scrollTo(0, 0);
});
document.addEventListener("DOMContentLoaded", () => {
  settle(document);
  if (document.body.classList.contains("signed-in")) listen();
});
setInterval(() => $$("time[data-ago]").forEach(ago), 30000);

/* News: the number that waits goes into the title, and the list is asked for again. */

const PAUSE = 3000;

function listen() {
  const news = new EventSource("/dashboard/live");
  news.addEventListener("queue", (event) => {
    const count = Number(event.data), list = $("#list");
    entitle(count);
    if (!list || (list.contains(document.activeElement) && typing(document.activeElement))) return;
    const before = Number(list.dataset.waiting);
    if (listen.heard || count !== before) htmx.trigger(document.body, "queue-changed");
    if (count > before) say(count === 1 ? "1 email waits" : `${count} emails wait`);
    listen.heard = true;
    listen.pause = PAUSE;
  });
  news.addEventListener("over", () => { news.close(); setTimeout(listen, PAUSE); });
  // A browser asks again after a lost connection, but not after an answer that is no stream: 503, or to sign in.
  news.addEventListener("error", () => {
    if (news.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, listen.pause = Math.min(2 * (listen.pause ?? PAUSE), 300000));
  });
}

/* Copying what is shown once, and asking before what can't be undone. */

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText($(copy.dataset.copy).textContent);
    copy.textContent = "Copied";
    say("Copied");
  }
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.ask ?? event.target.dataset.ask;
  if (question && !confirm(question)) event.preventDefault();
});

/* Passkeys (WebAuthn 3): options come from the page, the answer goes into the form. */

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-passkey]");
  if (!form || form.elements.answer.value) return;
  event.preventDefault();
  const fault = $(".fault", form);
  try {
    const options = JSON.parse(form.elements.options.value);
    const made = form.dataset.passkey === "get"
      ? await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
      : await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
    form.elements.answer.value = JSON.stringify(made.toJSON());
    form.requestSubmit();
  } catch (error) {
    fault.textContent = error.name === "NotAllowedError" ? "No passkey was used." : `It did not work: ${error.message}`;
    fault.hidden = false;
  }
});

/* Web push: this browser's address at its push service goes into the form. */

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-push]");
  if (!form || form.elements.endpoint.value) return;
  event.preventDefault();
  try {
    const worker = await navigator.serviceWorker.register("/dashboard/worker.js", { updateViaCache: "none" });
    const octets = Uint8Array.from(atob(form.dataset.push.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
    await navigator.serviceWorker.ready;
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: octets });
    const { endpoint, keys } = made.toJSON();
    Object.entries({ endpoint, ...keys }).forEach(([name, value]) => { form.elements[name].value = value; });
    form.requestSubmit();
  } catch (error) {
    const fault = $(".fault", form);
    fault.textContent = error.name === "NotAllowedError" ? "The browser was not allowed to tell you." : `It did not work: ${error.message}`;
    fault.hidden = false;
  }
});
