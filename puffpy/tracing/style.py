"""The page's style sheet and its script, as they stand in it.

What is on the page is ``page``'s.  The colours are told apart with any kind of colour vision.
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d1f23; --dim: #667; --line: #d9dce1; --card: #fff; --back: #f5f6f8;
  --bad: #c62f2f; --all: #9fb3c8; --g0: #0072b2; --g1: #56b4e9; --g2: #009e73; --g3: #b59a00; --g4: #d55e00;
  --g5: #cc79a7; --g6: #8a8f98; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e8eaed; --dim: #a0a6b0; --line: #353a42; --card: #1d2025;
  --back: #131519; --bad: #ff7a70; --all: #566b80; --g0: #8190ff; --g3: #e3cf4a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1160px; padding: 1.2rem; background: var(--back); color: var(--ink);
  font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 0 0 .8rem; }
header p { color: var(--dim); margin: .2rem 0 1rem; }
section, .numbers { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem;
  margin-bottom: 1rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(112px, 1fr)); gap: .8rem; }
.numbers p { margin: 0; color: var(--dim); font-size: .85rem; }
.numbers b { display: block; color: var(--ink); font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.histograms { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr));
  gap: 1.2rem; }
figure { margin: 0; } figcaption { display: flex; justify-content: space-between; font-size: .85rem;
  font-weight: 600; margin-bottom: .3rem; } figcaption span { color: var(--dim); font-weight: 400; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
.timeline { overflow-x: auto; } .timeline svg { min-width: 860px; margin-bottom: .8rem; }
svg text { fill: var(--dim); font-size: 11px; } .grid { stroke: var(--line); stroke-width: 1; }
rect.all { fill: var(--all); } rect.bad { fill: var(--bad); } circle { fill-opacity: .65; }
circle.waits { stroke: var(--bad); stroke-width: 2; }
.g0 { fill: var(--g0); background: var(--g0); } .g1 { fill: var(--g1); background: var(--g1); }
.g2 { fill: var(--g2); background: var(--g2); } .g3 { fill: var(--g3); background: var(--g3); }
.g4 { fill: var(--g4); background: var(--g4); } .g5 { fill: var(--g5); background: var(--g5); }
.g6 { fill: var(--g6); background: var(--g6); }
i { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .45em; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem; margin-bottom: .8rem; }
button { font: inherit; font-size: .85rem; color: inherit; background: none; border: 1px solid var(--line);
  border-radius: 99px; padding: .1rem .7rem; cursor: pointer; } button[aria-pressed="false"] { opacity: .4; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th { text-align: left; color: var(--dim); font-weight: 500; cursor: pointer; white-space: nowrap; }
th[aria-sort]::after { content: " \\2193"; } th[aria-sort="ascending"]::after { content: " \\2191"; }
td:first-child { white-space: nowrap; }
th, td { padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font-size: .95em; overflow-wrap: anywhere; }
@media print { body { background: none; } section { break-inside: avoid; } }
"""

SCRIPT: Final = """
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.querySelectorAll("th")], body = table.tBodies[0];
  const value = (row, at) => row.cells[at].dataset.by, isNumber = at => body.rows[0]?.cells[at].className;
  heads.forEach((head, at) => {
    if (isNumber(at)) head.className = "number";
    head.addEventListener("click", () => {
      const down = head.ariaSort !== "descending";
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.ariaSort = down ? "descending" : "ascending";
      const order = (a, b) => isNumber(at) ? value(a, at) - value(b, at)
        : value(a, at).localeCompare(value(b, at));
      body.append(...[...body.rows].sort((a, b) => down ? order(b, a) : order(a, b)));
    });
  });
}
for (const key of document.querySelectorAll(".legend button")) {
  key.addEventListener("click", () => {
    const shown = key.ariaPressed === "false";
    key.ariaPressed = String(shown);
    for (const dot of document.querySelectorAll(`circle.${key.dataset.group}`))
      dot.style.display = shown ? "" : "none";
  });
}
"""
