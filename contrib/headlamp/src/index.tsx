/** The column "Cause" in Headlamp's table of Pods, and the section "Why it crashed" of a Pod. */

import {
  registerDetailsViewSectionsProcessor,
  registerResourceTableColumnsProcessor,
} from '@kinvolk/headlamp-plugin/lib';
import { NameValueTable, SectionBox } from '@kinvolk/headlamp-plugin/lib/CommonComponents';
import { age, cause, Row, rows, Shown } from './diagnosis';

const PODS_TABLE = 'headlamp-pods';
const COLUMN = 'pod-diagnoser-cause';
const SECTION = 'pod-diagnoser-why';

function idOf(each: unknown) {
  return (each as { id?: string } | null)?.id;
}

/** Put the column behind Status: in a narrow window Headlamp leaves out the last columns. */
registerResourceTableColumnsProcessor(({ id, columns }) => {
  if (id !== PODS_TABLE || columns.map(idOf).includes(COLUMN)) {
    return columns;
  }
  const column = { id: COLUMN, label: 'Cause', getValue: (pod: Shown) => cause(pod) };
  const next = columns.map(idOf).indexOf('status') + 1 || columns.length;
  return [...columns.slice(0, next), column, ...columns.slice(next)] as typeof columns;
});

/** Draw a value: only ever as text, and its own lines stay lines. */
function Value({ row }: { row: Row }) {
  const passed = row.name === 'Ended' ? age(row.value, Date.now()) : '';
  return (
    <span style={{ whiteSpace: 'pre-wrap' }}>
      {row.value}
      {passed && ` (${passed})`}
    </span>
  );
}

function WhyItCrashed({ shown }: { shown: Row[] }) {
  return (
    <SectionBox title="Why it crashed">
      <NameValueTable rows={shown.map(row => ({ name: row.name, value: <Value row={row} /> }))} />
    </SectionBox>
  );
}

/** Put the section above all others: a section that is only registered comes after the volumes. */
registerDetailsViewSectionsProcessor({
  id: SECTION,
  processor: (resource, sections) => {
    const shown = rows(resource);
    const ids = sections.map(idOf);
    if (shown.length === 0 || ids.includes(SECTION)) {
      return sections;
    }
    const section = { id: SECTION, section: <WhyItCrashed shown={shown} /> };
    const first = Math.max(ids.indexOf('METADATA'), 0);
    return [...sections.slice(0, first), section, ...sections.slice(first)];
  },
});
