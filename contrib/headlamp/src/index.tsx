/** The column "Cause" in Headlamp's table of Pods, and the section "Why it crashed" of a Pod. */

import {
  DetailsViewSectionProps,
  registerDetailsViewSection,
  registerResourceTableColumnsProcessor,
} from '@kinvolk/headlamp-plugin/lib';
import { NameValueTable, SectionBox } from '@kinvolk/headlamp-plugin/lib/CommonComponents';
import { age, cause, Row, rows, Shown } from './diagnosis';

const PODS_TABLE = 'headlamp-pods';
const COLUMN = 'pod-diagnoser-cause';

registerResourceTableColumnsProcessor(({ id, columns }) => {
  if (id !== PODS_TABLE) {
    return columns;
  }
  const others = columns.filter(each => typeof each === 'string' || each.id !== COLUMN);
  const column = { id: COLUMN, label: 'Cause', getValue: (pod: Shown) => cause(pod) };
  return [...others, column] as typeof columns;
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

registerDetailsViewSection(({ resource }: DetailsViewSectionProps) => {
  const shown = rows(resource);
  if (shown.length === 0) {
    return null;
  }
  return (
    <SectionBox title="Why it crashed">
      <NameValueTable
        rows={shown.map(row => ({ name: row.name, value: <Value row={row} /> }))}
      />
    </SectionBox>
  );
});
