// SPDX-License-Identifier: MIT
// What is printed about a run.
const DIFF_WIDTH = 300;

// Long values and bytes are cut: the place of a difference matters more than its whole text.
function short(value) {
    if (value === undefined) {
        return '(nothing)';
    }
    const replacer = (_key, inner) => (inner?.type === 'Buffer' && Array.isArray(inner.data)
        ? `<${inner.data.length} bytes>` : inner);
    const text = JSON.stringify(value, replacer);
    return text.length > DIFF_WIDTH ? `${text.slice(0, DIFF_WIDTH)}... (${text.length})` : text;
}

function printTable(head, rows) {
    const widths = head.map((title, i) =>
        Math.max(title.length, ...rows.map(row => String(row[i]).length)));
    for (const row of [head, ...rows]) {
        console.log(row.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i])
            : String(cell).padStart(widths[i]))).join('  '));
    }
}

function printFailure({ id, dialect, title, difference }) {
    const { step, op, cmd, path, expected, got, error } = difference;
    console.log(`\nFAILED ${id} [${dialect}]${title && !id.endsWith(title) ? ` ${title}` : ''}`);
    console.log(`  step ${step + 1}: ${op}${cmd ? ` ${cmd}` : ''}${path ? ` at ${path}` : ''}`);
    if (error) {
        console.log(`  ${error}`);
        return;
    }
    console.log(`  expected ${short(expected)}`);
    console.log(`  got      ${short(got)}`);
}

// One line per quirk that the server was asked about, with our recommendation where it differs.
function printQuirks(results) {
    console.log('\nquirks: which behaviour the server shows');
    for (const { id, dialect, verdict, ours } of results) {
        const note = verdict === 'ours' || verdict === 'both' ? '' : `  (ours: ${ours})`;
        console.log(`  ${verdict.padEnd(8)}  ${id} [${dialect}]${note}`);
    }
    const count = verdict => results.filter(result => result.verdict === verdict).length;
    const kinds = ['original', 'ours', 'both', 'neither'];
    console.log(`  ${kinds.map(kind => `${kind} ${count(kind)}`).join(', ')}`);
}

const OUTCOMES = ['passed', 'failed', 'skipped'];
const countOf = (results, outcome) => results.filter(one => one.outcome === outcome).length;

// Prints everything; returns {passed, failed, skipped}.
export function report(results) {
    results.filter(result => result.outcome === 'failed').forEach(printFailure);
    const quirks = results.filter(result => result.verdict);
    if (quirks.length) {
        printQuirks(quirks);
    }
    const families = [...new Set(results.map(result => result.family))].sort();
    const rows = families.map(family => {
        const own = results.filter(result => result.family === family);
        return [family, ...OUTCOMES.map(outcome => countOf(own, outcome))];
    });
    console.log('');
    printTable(['family', ...OUTCOMES], rows);
    const again = results.filter(result => result.tries > 1).length;
    if (again) {
        console.log(`\n${again} cases needed more than one try`);
    }
    const totals = Object.fromEntries(
        OUTCOMES.map(outcome => [outcome, countOf(results, outcome)]));
    console.log(`\n${OUTCOMES.map(outcome => `${totals[outcome]} ${outcome}`).join(', ')}`);
    return totals;
}
