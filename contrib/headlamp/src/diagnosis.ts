/** What PodDiagnoser wrote on a Pod, as far as it is shown; all of it is text, whatever it says. */

export const PREFIX = 'diagnostics.local.io/';

/** Names and annotations of the section's rows, in the order in which they are needed. */
const ROWS: [name: string, key: string][] = [
  ['Diagnosis', 'diagnosis'],
  ['Cause', 'cause'],
  ['Next step', 'next-step'],
  ['Evidence', 'evidence'],
  ['Its own words', 'reason'],
  ['Changes', 'changes'],
  ['Container', 'container'],
  ['Restart', 'restart-reason'],
  ['Ended', 'restart-time'],
];

export interface Row {
  name: string;
  value: string;
}

/** A Pod as Headlamp has it, or anything else that a table or a details view shows. */
export interface Shown {
  kind?: string;
  metadata?: { annotations?: Record<string, string> };
}

function annotation(of: Shown | null | undefined, key: string): string {
  const value: unknown = of?.metadata?.annotations?.[PREFIX + key];
  return typeof value === 'string' ? value : '';
}

/** Return the cause of the latest crash; empty without one. */
export function cause(pod: Shown | null | undefined): string {
  return annotation(pod, 'cause');
}

/** Return the rows of a Pod's section; none for what is no Pod, or has no diagnosis. */
export function rows(resource: Shown | null | undefined): Row[] {
  if (resource?.kind !== 'Pod') {
    return [];
  }
  return ROWS.map(([name, key]) => ({ name, value: annotation(resource, key) })).filter(
    row => row.value !== ''
  );
}

/** Return how long ago a time was, such as "3 m ago"; empty for what is no time. */
export function age(time: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) {
    return '';
  }
  const units: [string, number][] = [
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
  ];
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}
