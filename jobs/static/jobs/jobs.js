// The pages beyond HTML. Everything works without it.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (name, handler, target = document) => target.addEventListener(name, handler);
  const skew = Date.parse(document.documentElement.dataset.now) - Date.now();
  const now = () => Date.now() + skew;

  // Times: relative within a day, in the reader's zone beyond it

  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const brief = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

  function duration(seconds) {
    // Whole seconds: tenths would only flicker.
    const whole = Math.max(0, Math.floor(seconds));
    for (const [size, unit, part, small] of [[86400, "d", 3600, "h"], [3600, "h", 60, "m"], [60, "m", 1, "s"]]) {
      const rest = Math.floor((whole % size) / part);
      if (whole >= size) return `${Math.floor(whole / size)} ${unit}${rest ? ` ${rest} ${small}` : ""}`;
    }
    return `${whole} s`;
  }

  function relative(moment) {
    const seconds = (now() - moment) / 1000;
    const size = Math.abs(seconds);
    if (size >= 86400) return brief.format(moment);
    if (size < 1) return "just now";
    const [unit, word] = size < 60 ? [1, "s"] : size < 3600 ? [60, "min"] : [3600, "h"];
    const distance = `${Math.floor(size / unit)} ${word}`;
    return seconds < 0 ? `in ${distance}` : `${distance} ago`;
  }

  const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  function showTimes() {
    for (const element of $$("time[datetime]")) {
      const moment = new Date(element.dateTime);
      setText(element, relative(moment));
      element.title = exact.format(moment);
    }
    for (const element of $$("[data-since]")) {
      setText(element, duration((now() - Date.parse(element.dataset.since)) / 1000));
    }
  }

  // Polling: each second, later each 2 s and 5 s; a hidden tab each 30 s

  let timer, polls = 0, failures = 0;

  function pollDelay() {
    if (document.hidden) return 30000;
    if (failures || $("#live").dataset.slow === "") return 5000;
    return polls < 15 ? 1000 : polls < 60 ? 2000 : 5000;
  }

  function schedulePoll() {
    clearTimeout(timer);
    if ($("#live[hx-get]")) timer = setTimeout(poll, pollDelay());
  }

  function poll() {
    const live = $("#live[hx-get]");
    if (!live) return;
    polls += 1;
    htmx.trigger(live, "poll");
  }

  on("visibilitychange", () => { if (!document.hidden) { clearTimeout(timer); poll(); } });

  on("htmx:configRequest", ({ detail }) => {
    const etag = detail.elt.dataset.etag;
    if (etag) detail.headers["If-None-Match"] = etag;
  });

  on("htmx:afterRequest", ({ detail }) => {
    // The last response has removed the element that polls.
    const live = detail.requestConfig.elt;
    if (live.id !== "live") return;
    failures = detail.xhr.status === 0 || detail.xhr.status >= 500 ? failures + 1 : 0;
    const away = $("#away");
    if (away) away.hidden = failures < 2;
    if (detail.xhr.status === 200) live.dataset.etag = detail.xhr.getResponseHeader("ETag") || "";
    schedulePoll();
  });

  // A fragment with the same digest stays, with focus, selection and open details.
  on("htmx:oobBeforeSwap", ({ detail }) => {
    const next = detail.fragment.firstElementChild;
    const here = detail.target;
    if (next && next.dataset.v && next.dataset.v === here.dataset.v) { detail.shouldSwap = false; return; }
    const box = $("[name=job]", here), nextBox = next && $("[name=job]", next);
    if (box && nextBox) nextBox.checked = box.checked;
  });

  on("htmx:oobAfterSwap", ({ detail }) => {
    showTimes();
    const status = $("#job-status [data-say]");
    if (status && status.dataset.say !== announced) $("#say").textContent = announced = status.dataset.say;
    if (detail.target.id === "log") follow();
  });

  let announced = $("#job-status [data-say]")?.dataset.say;

  // The log: stays at its end while "Follow" is ticked

  function follow() {
    const log = $("#log"), tick = $("#follow");
    if (log && (!tick || tick.checked)) log.scrollTop = log.scrollHeight;
  }

  on("change", ({ target }) => {
    if (target.id !== "follow") return;
    follow();
    // Whoever stops following reads the log: the result must not replace it.
    const tab = $("#live [name=tab]");
    if (tab && !target.checked) tab.value = "log";
  });

  // Copying

  on("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    const text = $(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      // No clipboard outside of HTTPS and localhost.
      getSelection().selectAllChildren(text);
      document.execCommand("copy");
    }
    const word = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = word; }, 1500);
  });

  // The API

  on("submit", async (event) => {
    const form = event.target, { address, body, csrfmiddlewaretoken } = form;
    if (!address) return;
    event.preventDefault();
    const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfmiddlewaretoken.value };
    const answer = await fetch(address.value, { method: form.dataset.call, headers, body: body?.value });
    let text = await answer.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch {}
    $("pre", form).textContent = answer.status + "\n" + text;
  });

  // Lists

  const boxes = () => $$('[name="job"]');

  function showTicked() {
    const picked = $("#picked");
    if (!picked) return;
    const count = boxes().filter((box) => box.checked).length;
    picked.textContent = count ? `${count} ticked:` : "Tick jobs to";
    const all = $("[data-pick-all]");
    if (all) { all.checked = count > 0 && count === boxes().length; all.indeterminate = count > 0 && !all.checked; }
  }

  on("change", ({ target }) => {
    if (target.matches("[data-pick-all]")) for (const box of boxes()) box.checked = target.checked;
    if (target.matches('[data-pick-all], [name="job"]')) showTicked();
  });

  // Forms: times in the reader's zone; submitted once

  const pad = (number) => String(number).padStart(2, "0");
  const local = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;

  function localTimes() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const input of $$("[data-moment]")) {
      const at = new Date(`${input.value}Z`);
      if (input.value && !isNaN(at)) input.value = local(at);
      const help = document.getElementById(`${input.id}_helptext`);
      if (help) help.textContent = help.textContent.replace("In UTC.", `In your time (${zone}).`);
    }
  }

  on("formdata", ({ target, formData }) => {
    for (const input of $$("[data-moment]", target)) {
      const at = new Date(input.value);
      if (input.value && !isNaN(at)) formData.set(input.name, at.toISOString().slice(0, 19));
    }
  });

  on("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.waits) {
      event.preventDefault();
      form.dataset.waits = "then send";
      if (button) button.textContent = "Waiting for the upload";
      return;
    }
    // A second click must not submit a second job. The button's own value is still sent.
    setTimeout(() => { if (button) button.disabled = true; });
  });

  on("pageshow", ({ persisted }) => {
    if (persisted) for (const button of $$("button:disabled")) button.disabled = false;
  }, window);

  // Files: dropped or chosen, uploaded at once

  function size(count) {
    const [unit, word] = count < 1e3 ? [1, "B"] : count < 1e6 ? [1e3, "kB"] : count < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
    return `${(count / unit).toFixed(unit > 1 && count < 9.95 * unit ? 1 : 0)} ${word}`;
  }

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  class Field {
    constructor(root) {
      this.root = root;
      this.form = root.closest("form");
      this.input = $('input[type="file"]', root);
      this.drop = $(".drop", root);
      this.required = this.input.required;
      for (const held of $$(".held", root)) this.replaceCheckbox(held);
      on("change", () => { this.addFiles(this.input.files); this.input.value = ""; this.check(); }, this.input);
      for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
        on(name, (event) => { event.preventDefault(); this.drop.classList.toggle("over", over); }, this.drop);
      }
      on("drop", ({ dataTransfer }) => this.addFiles(dataTransfer.files), this.drop);
    }

    // The server's checkbox to keep a file becomes a button to remove it.
    replaceCheckbox(held) {
      const box = $("input", held);
      const id = element("input", { type: "hidden", name: box.name, value: box.value });
      box.closest("label").replaceWith(this.remover(held), id);
      this.required = this.required || !$(".need", this.root);
    }

    remover(held, stop = () => {}) {
      const name = held.firstElementChild.firstChild.textContent.trim();
      return this.button("Remove", `Remove ${name}`, () => { stop(); held.remove(); this.check(); this.input.focus(); });
    }

    button(textContent, ariaLabel, act) {
      const made = element("button", { type: "button", className: "less", textContent, ariaLabel });
      on("click", act, made);
      return made;
    }

    check() { this.input.required = this.required && !$(".held:not(.bad)", this.root); }

    addFiles(files) {
      if (!("multiple" in this.root.dataset)) {
        files = [...files].slice(0, 1);
        if (files.length) for (const held of $$(".held", this.root)) $("button", held).click();
      }
      for (const file of files) this.send(file);
      this.check();
    }

    send(file) {
      const limit = Number(this.root.dataset.limit);
      const note = element("span", { className: "soft small", textContent: size(file.size) });
      const held = element("div", { className: "held" }, element("span", {}, `${file.name} `, note));
      this.drop.insertBefore(held, $(".pick-file", this.root));
      if (file.size > limit) {
        held.append(this.remover(held));
        return this.fail(held, `This is over the limit of ${size(limit)}. It was not sent.`);
      }
      const bar = element("progress", { max: file.size || 1, value: 0, ariaLabel: `Upload of ${file.name}` });
      const xhr = new XMLHttpRequest();
      held.append(this.remover(held, () => xhr.abort()), bar);
      xhr.open("POST", `${this.form.dataset.uploads}?name=${encodeURIComponent(file.name)}`);
      xhr.setRequestHeader("X-CSRFToken", $('[name="csrfmiddlewaretoken"]', this.form).value);
      xhr.setRequestHeader("Content-Type", "application/octet-stream");
      xhr.responseType = "json";
      xhr.upload.onprogress = ({ loaded }) => { bar.value = loaded; note.textContent = `${size(loaded)} of ${size(file.size)}`; };
      xhr.onloadend = () => this.sent(xhr, file, held, bar, note);
      this.wait(1);
      xhr.send(file);
    }

    sent(xhr, file, held, bar, note) {
      bar.remove();
      if (xhr.status === 201) {
        note.textContent = size(file.size);
        held.append(element("input", { type: "hidden", name: this.root.dataset.field, value: xhr.response.id }));
        $("#say").textContent = `${file.name} is uploaded`;
      } else if (held.isConnected) {
        this.fail(held, xhr.response?.detail || "The upload broke off.", file);
      }
      this.wait(-1);
    }

    fail(held, text, file) {
      held.classList.add("bad");
      held.append(element("p", { className: "error", textContent: text, role: "alert" }));
      if (file) held.append(this.button("Try again", null, () => { held.remove(); this.send(file); }));
    }

    wait(change) {
      const { form } = this;
      form.sending = (form.sending || 0) + change;
      if (form.sending) { form.dataset.waits ||= "yes"; return; }
      const send = form.dataset.waits === "then send";
      delete form.dataset.waits;
      this.check();
      if (!send) return;
      const button = $("button.primary", form);
      button.textContent = "Run";
      if (!$(".held.bad", form)) form.requestSubmit(button);
    }
  }

  for (const root of $$("[data-limit]")) new Field(root);
  $('[aria-invalid="true"]')?.focus();
  localTimes();
  showTimes();
  setInterval(showTimes, 1000);
  on("htmx:afterSettle", ({ target }) => { showTimes(); showTicked(); if (target.id === "list") schedulePoll(); });
  showTicked();
  follow();
  schedulePoll();
})();
