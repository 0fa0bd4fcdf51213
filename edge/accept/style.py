"""How the page looks, on a screen and on A4."""

CSS = """
:root { --ink: #1c2126; --soft: #5c6670; --rule: #dde2e7; --faint: #f6f8fa; --good: #1b7a49;
  --bad: #b3261e; --open: #8a5a00; --line: #1d5b9e; }
* { box-sizing: border-box; }
body { font: 10pt/1.5 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif;
  color: var(--ink); max-width: 182mm; margin: 12mm auto 20mm; padding: 0 4mm; }
header { display: flex; justify-content: space-between; align-items: flex-end;
  border-bottom: 1.5pt solid var(--ink); padding-bottom: 3mm; margin-bottom: 5mm; }
header .kind { font-size: 9pt; letter-spacing: .09em; text-transform: uppercase;
  color: var(--soft); margin: 0; }
h1 { font-size: 19pt; line-height: 1.2; font-weight: 600; margin: 1mm 0 0; }
header .meta { text-align: right; color: var(--soft); font-size: 9pt; margin: 0; }
h2 { font-size: 12.5pt; font-weight: 600; margin: 9mm 0 2mm; break-after: avoid; }
h2 .no { color: var(--soft); font-weight: 400; margin-right: 2mm; }
h3 { font-size: 10pt; font-weight: 600; margin: 4mm 0 1mm; break-after: avoid; }
p { margin: 1.5mm 0; }
p.note, .caption { color: var(--soft); font-size: 9pt; }
p.lead { font-size: 11pt; }
.alarm { border: 1pt solid var(--bad); background: #fdf1f0; color: var(--bad); font-weight: 600;
  padding: 3mm 4mm; margin: 0 0 4mm; }
.box { border: .75pt solid var(--rule); border-left: 4pt solid var(--open); padding: 4mm 5mm 3mm;
  background: var(--faint); break-inside: avoid; }
.box.met { border-left-color: var(--good); } .box.not { border-left-color: var(--bad); }
.box .verdict { font-size: 16pt; font-weight: 600; margin: 0 0 1mm; }
.met .verdict, .state.met { color: var(--good); }
.not .verdict, .state.not { color: var(--bad); }
.state.open { color: var(--open); }
.state { font-weight: 600; white-space: nowrap; }
table { border-collapse: collapse; width: 100%; margin: 2mm 0; font-size: 9pt;
  font-variant-numeric: tabular-nums; break-inside: avoid; }
th, td { text-align: left; vertical-align: top; padding: 1.1mm 3mm 1.1mm 0;
  border-bottom: .5pt solid var(--rule); }
thead th { color: var(--soft); font-weight: 500; border-bottom: .75pt solid var(--soft);
  vertical-align: bottom; }
th.n, td.n { text-align: right; padding: 1.1mm 0 1.1mm 3mm; }
.facts th { color: var(--soft); font-weight: 400; width: 42mm; }
code { font: 8.5pt/1.4 "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
figure { margin: 3mm 0; break-inside: avoid; }
.grid { display: grid; grid-template-columns: 1fr 1fr; gap: 2mm 6mm; }
.grid figure { margin: 1mm 0; }
dl { margin: 2mm 0; } dt { font-weight: 600; margin-top: 2mm; } dd { margin: 0 0 0 6mm; }
footer { margin-top: 10mm; border-top: .75pt solid var(--rule); padding-top: 2mm;
  color: var(--soft); font-size: 8.5pt; }
.sign { display: flex; gap: 10mm; margin-top: 12mm; break-inside: avoid; }
.sign div { flex: 1; border-top: .75pt solid var(--ink); padding-top: 1mm; font-size: 8.5pt;
  color: var(--soft); }
@page { size: A4; margin: 15mm 14mm 16mm; }
@media print { body { margin: 0; max-width: none; padding: 0; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
