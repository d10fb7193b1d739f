// Nothing here is needed: every page works without it. It puts the focus where the eye is to go, counts characters, and
// warns before a login ends.
"use strict";

document.getElementById("error-summary")?.focus();

for (const link of document.querySelectorAll("#error-summary a")) {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!field) return;
    event.preventDefault();
    field.scrollIntoView({ block: "center" });
    field.focus();
  });
}

for (const area of document.querySelectorAll("textarea[data-most]")) {
  const told = document.querySelector(`[data-count-of="${CSS.escape(area.name)}"]`);
  const tell = () => {
    told.textContent = told.dataset.words.replace("{}", Math.max(0, area.dataset.most - [...area.value].length));
  };
  area.addEventListener("input", tell);
  tell();
}

// Two minutes before the end; any request of a page prolongs the login.
const WARNED_BEFORE = 120000;
const end = document.getElementById("session-end");
const warning = document.getElementById("session-warning");
let timer;

function warn() {
  const dialog = warning.content.firstElementChild.cloneNode(true);
  const before = document.activeElement;
  dialog.querySelector("button").addEventListener("click", async () => {
    try {
      const answer = await fetch("/session", { headers: { Accept: "application/json" } });
      // After the end it leads to the login page, which is an answer too.
      if (!answer.ok || answer.redirected) throw answer;
      wait((await answer.json()).expires_at);
      dialog.remove();
      before?.focus();
    } catch {
      location.reload();
    }
  });
  document.body.append(dialog);
  dialog.querySelector("button").focus();
}

function wait(until) {
  clearTimeout(timer);
  timer = setTimeout(warn, Math.max(0, Date.parse(until) - Date.now() - WARNED_BEFORE));
}

if (end && warning) wait(end.dataset.ends);

// A second press while the first is on its way does nothing.
for (const form of document.querySelectorAll("form[method=post]:not([data-live])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// The telephone of the demo: keys go one after the other, and the page with the finger on it stays.
let sent = Promise.resolve();
const parts = (page) => [...page.querySelectorAll("[data-part]")];

function listen() {
  for (const form of document.querySelectorAll("form[data-live]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const line = form.elements.keys;
      const typed = line ? ["keys", line.value] : [event.submitter.name, event.submitter.value];
      if (line) line.value = "";
      sent = sent.then(() => press(form, typed)).catch(() => location.reload());
    });
  }
}

async function press(form, typed) {
  const fields = new FormData(form);
  fields.set(...typed);
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(fields) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const voice = page.getElementById("voice");
  document.title = page.title;
  if (!voice || page.getElementById("error-summary")) {
    document.querySelector("main").replaceWith(page.querySelector("main"));
    (document.getElementById("error-summary") ?? document.querySelector("main")).focus();
    listen();
    return;
  }
  for (const one of document.querySelectorAll("#error-summary, .error-text")) one.remove();
  for (const one of document.querySelectorAll(".wrong")) one.classList.remove("wrong");
  const heard = document.getElementById("voice");
  if (heard.dataset.turn !== voice.dataset.turn) heard.replaceChildren(...voice.childNodes);
  heard.dataset.turn = voice.dataset.turn;
  if (page.querySelector("form[data-live]")) {
    const now = parts(page);
    parts(document).forEach((part, place) => part.replaceChildren(...now[place].childNodes));
    return;
  }
  document.getElementById("telephone").replaceWith(page.getElementById("telephone"));
  document.querySelector("#telephone a")?.focus();
}

listen();
