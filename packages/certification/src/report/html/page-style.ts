/** The style of the page: on a phone, in the dark, on paper. Its colours keep a contrast of 4.5:1 to what is behind them. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --surface: #ffffff; --sunken: #eef1f4; --line: #d5dbe1; --text: #1b2229; --muted: #56616d;
  --link: #0b5cad; --focus: #0b5cad;
  --pass: #1a6b33; --fail: #b3201a; --error: #8a4a00; --idle: #56616d;
  --pass-bg: #e3f4e7; --fail-bg: #fde8e6; --error-bg: #fdf0dc; --idle-bg: #eceff2;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0f1419; --surface: #171d24; --sunken: #10161c; --line: #313b46; --text: #e4e9ee; --muted: #a3afbb;
    --link: #7cb8ff; --focus: #7cb8ff;
    --pass: #6fd48a; --fail: #ff9a92; --error: #f2b866; --idle: #a3afbb;
    --pass-bg: #14301d; --fail-bg: #3b1a19; --error-bg: #38280f; --idle-bg: #232b34;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, nav, main, footer { max-width: 62rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
header p { margin: .25rem 0; }
h1 { margin: .25rem 0; font-size: 1.9rem; line-height: 1.2; }
h1 .version { font-weight: 400; color: var(--muted); }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.35rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1.1rem; text-transform: capitalize; }
h4 { margin: 1.25rem 0 .5rem; font-size: 1rem; }
h5 { margin: 0; font-size: 1rem; font-weight: 400; }
h3 .muted, h4 .muted { font-weight: 400; font-size: .9rem; text-transform: none; }
section:focus { outline: none; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.muted { color: var(--muted); }
.skip-link { position: absolute; left: 1rem; top: -5rem; padding: .5rem 1rem; background: var(--surface); }
.skip-link:focus { top: .5rem; }
.banner { padding: .75rem 1rem; background: var(--error-bg); color: var(--text); border-left: 4px solid var(--error); border-radius: 6px; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: .5rem 0; list-style: none; border-block: 1px solid var(--line); }
nav a { display: inline-block; padding: .15rem 0; }
code, pre { font: .875em/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { margin: .25rem 0; padding: .6rem .75rem; background: var(--sunken); border-radius: 6px; white-space: pre-wrap; tab-size: 4; }
ul, ol { padding-left: 1.4rem; margin: .25rem 0; }
dl { margin: .5rem 0; }
dl > div { display: grid; grid-template-columns: 10rem minmax(0, 1fr); gap: 0 1rem; padding: .2rem 0; }
dt { color: var(--muted); }
dd { margin: 0; }
dd ul, dd ol { padding-left: 1.2rem; margin: 0; }
dd .got { font-weight: 600; }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
.card { padding: 1rem 1.25rem; background: var(--surface); border: 1px solid var(--line); border-top: 5px solid var(--tone); border-radius: 8px; }
.card h3 { display: flex; justify-content: space-between; gap: 1rem; margin: 0; font-size: 1.25rem; }
.card .outcome { color: var(--tone); text-transform: capitalize; white-space: nowrap; }
.card h4 { margin: .75rem 0 0; font-size: .9rem; color: var(--muted); font-weight: 400; }
.card p { margin: .5rem 0; }
.card ul { display: flex; flex-wrap: wrap; gap: 0 .75rem; margin: 0; padding: 0; list-style: none; }
.card ul.lines { display: block; }
.card.granted { --tone: var(--pass); } .card.refused { --tone: var(--fail); }
.card.error { --tone: var(--error); } .card.incomplete { --tone: var(--idle); }
svg { display: block; width: 100%; }
svg.counts { height: 8px; border-radius: 4px; background: var(--sunken); }
rect.pass, rect.answered { fill: var(--pass); } rect.fail, rect.unanswered { fill: var(--fail); }
rect.error, rect.refused { fill: var(--error); } rect.skip, rect.disabled, rect.other { fill: var(--idle); }
rect.skip { opacity: .6; } rect.disabled { opacity: .3; }

.badge { display: inline-block; min-width: 4.2rem; padding: .05rem .5rem; border-radius: 4px; font-size: .85rem; font-weight: 600; text-align: center; white-space: nowrap; color: var(--idle); background: var(--idle-bg); }
.badge.pass { color: var(--pass); background: var(--pass-bg); } .badge.fail { color: var(--fail); background: var(--fail-bg); }
.badge.error { color: var(--error); background: var(--error-bg); }
.level { font-size: .8rem; font-weight: 600; letter-spacing: .03em; color: var(--muted); }
.problems { padding: 0; list-style: none; }
.problems > li { margin: .5rem 0; padding: .6rem 1rem; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
.problems p { margin: .15rem 0; }
.problems .told { color: var(--muted); }

summary { cursor: pointer; }
.check, .reason, .manifest { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; margin: .4rem 0; }
.check > summary, .reason > summary, .manifest > summary { padding: .5rem .75rem; border-radius: 8px; }
.check > summary, .reason > summary { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: .1rem .75rem; align-items: baseline; list-style: none; }
.check > summary::-webkit-details-marker, .reason > summary::-webkit-details-marker { display: none; }
.check > summary:hover, .reason > summary:hover, .manifest > summary:hover { background: var(--sunken); }
.check[open] > summary { border-bottom: 1px solid var(--line); border-radius: 8px 8px 0 0; }
.check .id { font-weight: 600; white-space: nowrap; }
.check .tags { color: var(--muted); font-size: .85rem; white-space: nowrap; }
.check .tags span { margin-left: .5rem; }
.check .body { padding: .25rem .75rem .75rem; }
.check { border-left: 4px solid var(--pass); } .check.fail { border-left-color: var(--fail); } .check.error { border-left-color: var(--error); }
.check dl + dl { border-top: 1px solid var(--line); padding-top: .5rem; }
.check dl:empty { display: none; }
.check:target { outline: 3px solid var(--focus); }
.reason ul { padding: .25rem .75rem .75rem 2rem; }
.manifest pre { margin: 0 .75rem .75rem; }

.evidence { margin-top: .5rem; }
.evidence > summary { color: var(--link); padding: .15rem 0; }
.events { margin: .25rem 0; padding: 0; list-style: none; }
.events > li { border-top: 1px solid var(--line); padding: .2rem 0; }
.event { display: grid; grid-template-columns: 5rem minmax(0, 1fr) 8rem; gap: 0 .75rem; align-items: center; border-radius: 4px; font-size: .9rem; list-style: none; }
.event::-webkit-details-marker { display: none; }
.events summary .what b { text-decoration: underline; text-decoration-color: var(--line); text-underline-offset: .2em; }
.events summary:hover { background: var(--sunken); }
.offset { color: var(--muted); font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.what .answered { color: var(--pass); } .what .refused { color: var(--error); } .what .unanswered { color: var(--fail); }
.waterfall { height: 8px; background: var(--sunken); border-radius: 2px; }
.events details > p, .events details > pre { margin-left: 5.75rem; }
.label { margin: .4rem 0 0; color: var(--muted); font-size: .85rem; }

figure { margin: 0 0 .9rem; }
figcaption { margin-bottom: .2rem; }
.lane svg { height: 16px; background: var(--surface); border: 1px solid var(--line); border-radius: 3px; }
.lane path { stroke-width: 2; vector-effect: non-scaling-stroke; stroke: var(--pass); }
.lane path.refused, .key.refused { stroke: var(--error); background: var(--error); }
.lane path.unanswered, .key.unanswered { stroke: var(--fail); background: var(--fail); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: .5rem 0 1rem; list-style: none; }
.key { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; border-radius: 2px; background: var(--pass); }
.latency svg { height: 56px; background: var(--surface); border: 1px solid var(--line); border-radius: 3px; }
.latency .bar { fill: var(--link); }
.latency path { vector-effect: non-scaling-stroke; stroke: var(--line); }
.latency path.median { stroke: var(--text); stroke-width: 2; }
.axis { display: flex; justify-content: space-between; color: var(--muted); font-size: .8rem; font-variant-numeric: tabular-nums; }
footer { margin-top: 3rem; padding-bottom: 2rem; }

@media (max-width: 40rem) {
  dl > div { grid-template-columns: minmax(0, 1fr); padding: .3rem 0; }
  .check > summary, .reason > summary { grid-template-columns: auto minmax(0, 1fr); }
  .check > summary h5, .reason > summary .why { grid-column: 1 / -1; grid-row: 2; }
  .check > summary .tags, .reason > summary .muted { text-align: right; }
  .event { grid-template-columns: auto minmax(0, 1fr); }
  .offset { min-width: 3.5rem; text-align: left; }
  .waterfall { grid-column: 1 / -1; margin-top: .2rem; }
  .events details > p, .events details > pre { margin-left: 0; }
}
@page { margin: 15mm; }
@media print {
  :root { color-scheme: light; --page: #ffffff; --sunken: #f3f4f6; }
  body { font-size: 10.5pt; }
  nav, .skip-link { display: none; }
  header, main, footer { max-width: none; padding: 0; }
  .check::details-content, .reason::details-content, .manifest::details-content { content-visibility: visible; display: block; height: auto; }
  .card, .problems > li, figure, summary { break-inside: avoid; }
  h2, h3, h4 { break-after: avoid; }
  svg, .badge, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
