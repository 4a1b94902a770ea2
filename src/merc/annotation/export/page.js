
"use strict";
(() => {
  const { extent, spans } = JSON.parse(document.getElementById("data").textContent);
  const player = document.getElementById("player");
  const follow = document.getElementById("follow");
  const head = document.getElementById("head");
  const scroll = document.getElementById("scroll");
  const items = [...document.querySelectorAll(".u")];
  const blocks = [...document.querySelectorAll(".b")];
  const blockOf = new Map(blocks.map((block) => [Number(block.dataset.u), block]));
  const NEAR = 0.02; // s; a player that was sent to a start may stand just before it
  let current = [];
  let origin = 0; // s of the player's clock where the recording begins: browsers keep the time stamps of a film, the spans count from the first
  let known = false; // whether it has been found
  let aim = null; // s of the player's clock: where it was sent, and may not be yet
  let reached = 0; // s of the player's clock: what it took for the end when it was sent there
  let wanted = null; // s, where somebody clicked before the origin was known

  function show(found) {
    if (found.length === current.length && found.every((u, place) => u === current[place])) return false;
    for (const [marked, on] of [[current, false], [found, true]]) {
      for (const u of marked) {
        for (const part of [items[u], blockOf.get(u)]) {
          if (!part) continue;
          part.classList.toggle("now", on);
          if (on) part.setAttribute("aria-current", "true");
          else part.removeAttribute("aria-current");
        }
      }
    }
    current = found;
    return found.length > 0;
  }

  function at(time) {
    const found = [];
    spans.forEach((span, u) => {
      if (span && span[0] <= time + NEAR && time + NEAR < span[1]) found.push(u);
    });
    return found;
  }

  function reveal(place) { // a share of the timeline's width
    const x = place * scroll.scrollWidth;
    if (x < scroll.scrollLeft || x > scroll.scrollLeft + 0.9 * scroll.clientWidth) scroll.scrollLeft = x - 0.2 * scroll.clientWidth;
  }

  function update() {
    const time = Math.max(player.currentTime - origin, 0);
    const changed = show(at(time));
    if (head) {
      const x = `${(100 * Math.min(time / extent, 1)).toFixed(3)}%`;
      head.setAttribute("x1", x);
      head.setAttribute("x2", x);
      head.setAttribute("visibility", "visible");
    }
    if (player.paused) return;
    if (scroll) reveal(time / extent);
    if (changed && follow.checked) items[current[0]].scrollIntoView({ block: "center" });
  }

  function seek(time) {
    if (known) {
      aim = origin + time;
      reached = player.duration;
      player.currentTime = aim;
      update();
    } else {
      wanted = time;
      show(at(time));
    }
  }

  function choose(u, fromTimeline) {
    if (player && spans[u]) {
      seek(spans[u][0]);
    } else {
      show([u]);
    }
    if (fromTimeline) items[u].scrollIntoView({ block: "center" });
    else if (scroll && spans[u]) reveal(spans[u][0] / extent);
  }

  document.addEventListener("click", (event) => {
    const part = event.target.closest("[data-u]");
    if (!part || event.target.closest("a")) return;
    const block = part.classList.contains("b");
    if (!block && !event.target.closest("button") && String(getSelection())) return; // somebody selects words
    if (block) makeReachable(part);
    choose(Number(part.dataset.u), block);
  });

  function makeReachable(block) { // by Tab: one block at a time, so that thousands need not be tabbed through
    for (const other of scroll.querySelectorAll('.b[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    block.setAttribute("tabindex", "0");
  }

  if (scroll) {
    scroll.addEventListener("keydown", (event) => {
      const place = blocks.indexOf(event.target.closest(".b"));
      if (place < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
      const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: blocks.length - 1 }[event.key];
      if (next !== undefined) {
        const block = blocks[Math.min(Math.max(next, 0), blocks.length - 1)];
        makeReachable(block);
        block.focus();
        block.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else if (event.key === "Enter" || event.key === " ") {
        choose(Number(event.target.closest(".b").dataset.u), true);
      } else {
        return;
      }
      event.preventDefault();
    });
  }

  if (player) {
    const lost = () => { document.getElementById("lost").hidden = false; };
    player.addEventListener("error", lost);
    if (player.error) lost();
    let seeks = 0;
    let back = null; // s of the player's clock, where somebody went meanwhile
    const begin = () => { // a player that is sent to 0 goes to the first time that it has
      seeks = 0;
      player.currentTime = 0;
    };
    player.addEventListener("seeking", () => { seeks += 1; });
    player.addEventListener("seeked", function found() {
      if (seeks > 1) {
        back = player.currentTime;
        begin();
        return;
      }
      player.removeEventListener("seeked", found);
      origin = player.currentTime;
      known = true;
      for (const name of ["timeupdate", "seeked", "play"]) player.addEventListener(name, update);
      if (wanted !== null) seek(wanted);
      else if (back !== null) player.currentTime = back;
      else update();
    });
    // Chromium takes the length of an mp4 for its last time until it has read on, and goes no further: it is sent there anew.
    player.addEventListener("seeked", () => {
      if (aim === null || player.currentTime >= aim - NEAR || !(player.duration > reached)) {
        aim = null;
        return;
      }
      reached = player.duration;
      player.currentTime = aim;
    });
    for (const name of ["pointerdown", "keydown"]) player.addEventListener(name, () => { aim = null; });
    if (player.readyState) begin();
    else player.addEventListener("loadedmetadata", begin, { once: true });
  }
})();
