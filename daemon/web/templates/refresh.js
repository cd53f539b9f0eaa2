// Renews the parts of the page that changed. It takes no focus, no selection and no place in a table from anybody.
(() => {
  const lively = document.querySelector("[data-every]"); // what is under way is looked at more often
  const EVERY = 1000 * (lively ? Number(lively.dataset.every) : 30);
  const said = document.getElementById("said");
  const busy = (part) => {
    const chosen = document.getSelection();
    return part.contains(document.activeElement) || (chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode));
  };
  const renew = (part, fresh) => {
    const before = [...part.querySelectorAll(".card, details")].map((each) => [each.scrollLeft, each.scrollTop, each.open]);
    part.className = fresh.className;
    part.replaceChildren(...fresh.childNodes);
    [...part.querySelectorAll(".card, details")].forEach((each, number) => {
      const [left, top, open] = before[number] || [0, 0, each.open];
      each.scrollLeft = left;
      each.scrollTop = top;
      if (each.tagName === "DETAILS") each.open = open;
    });
  };
  const again = async () => {
    if (document.hidden) return;
    const old = document.getElementById("old");
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(20000) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const headline = page.querySelector("h1").textContent;
      let held = false; // what somebody is reading stays as it is, and then the page is not of now
      const parts = [...document.querySelectorAll("[data-live]")].sort((one, other) => (one.id === "when") - (other.id === "when"));
      for (const part of parts) {
        const fresh = page.getElementById(part.id);
        if (!fresh || fresh.innerHTML === part.innerHTML) continue;
        if (busy(part)) held = true;
        else if (!held || part.id !== "when") renew(part, fresh);
      }
      if (document.title !== page.title) said.textContent = headline;
      document.title = page.title;
      old.textContent = held ? "What you are reading is not renewed." : "";
    } catch (error) {
      const text = "not renewed: Barograph does not answer. What stands here is old.";
      if (old.textContent !== text) said.textContent = text;
      old.textContent = text;
    }
  };
  setInterval(again, EVERY);
})();
