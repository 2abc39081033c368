"""The report's looks: one style sheet for light and dark."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --ground: #fbfbfc; --card: #fff; --edge: #e3e6ea;
  --band: #f1f4f8; --good: #1a7f4b; --bad: #c62f3b;
  --c0: #2563c9; --c1: #d9730d; --c2: #2a9160; --c3: #a345b5; --c4: #c2304f; --c5: #6b7785; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #97a3b2; --ground: #14181e; --card: #1b2027; --edge: #2d343e;
  --band: #20262f; --good: #4fc587; --bad: #ff6b74;
  --c0: #6ea4ff; --c1: #f2a254; --c2: #5fcb97; --c3: #d38be0; --c4: #f27b92; --c5: #9aa6b4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 1180px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: 1.65rem; margin: 0 0 .2rem; letter-spacing: -.01em; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .7rem; }
p, .soft { color: var(--soft); margin: .15rem 0; }
.verdict { display: inline-block; margin: .9rem 0 0; padding: .3rem .8rem; border-radius: 999px; font-weight: 600; color: #fff; background: var(--good); }
.verdict.bad { background: var(--bad); }
@media (prefers-color-scheme: dark) { .verdict { color: #10151b; } }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(126px, 1fr)); gap: .75rem; margin-top: 1.3rem; }
.tile { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .82rem; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .42rem .8rem; text-align: right; border-bottom: 1px solid var(--edge); font-variant-numeric: tabular-nums; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child, td.words, th.words { text-align: left; }
td small { color: var(--soft); margin-left: .35rem; }
td.words { color: var(--soft); white-space: normal; }
@media (max-width: 700px) { td.words { min-width: 15rem; } }
.mark { font-weight: 700; }
.pass { color: var(--good); } .fail { color: var(--bad); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: .9rem; }
figure { margin: 0; padding: .7rem .8rem .4rem; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
figcaption { font-weight: 600; font-size: .92rem; }
.key { margin-left: .9rem; font-weight: 400; color: var(--soft); font-size: .82rem; white-space: nowrap; }
.key i { display: inline-block; width: .75rem; height: .2rem; margin-right: .35rem; vertical-align: middle; border-radius: 2px; }
svg { display: block; width: 100%; height: auto; margin-top: .3rem; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg text.phase { font-size: 10px; }
.band { fill: transparent; } .band.odd { fill: var(--band); }
.grid { stroke: var(--edge); stroke-width: 1; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.dot { opacity: 0; } .dot:hover, .dot.marked { opacity: 1; }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
.line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); } .line.c5 { stroke: var(--c5); }
.dot.c0 { fill: var(--c0); } .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); }
.dot.c3 { fill: var(--c3); } .dot.c4 { fill: var(--c4); } .dot.c5 { fill: var(--c5); }
i.c0 { background: var(--c0); } i.c1 { background: var(--c1); } i.c2 { background: var(--c2); }
i.c3 { background: var(--c3); } i.c4 { background: var(--c4); } i.c5 { background: var(--c5); }
details { margin-top: 1rem; } summary { cursor: pointer; color: var(--soft); }
pre { overflow-x: auto; font-size: .8rem; padding: .8rem; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
"""
