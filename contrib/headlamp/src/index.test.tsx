import { render } from '@testing-library/react';
import React from 'react';
import { describe, expect, it, vi } from 'vitest';
import { age, cause, PREFIX, rows } from './diagnosis';
import './index';

const registered = vi.hoisted(() => ({} as { columns?: any; sections?: any }));

vi.mock('@kinvolk/headlamp-plugin/lib', () => ({
  registerDetailsViewSectionsProcessor: ({ processor }: any) => (registered.sections = processor),
  registerResourceTableColumnsProcessor: (columns: any) => (registered.columns = columns),
}));

vi.mock('@kinvolk/headlamp-plugin/lib/CommonComponents', () => ({
  SectionBox: ({ title, children }: any) => <section aria-label={title}>{children}</section>,
  NameValueTable: ({ rows }: any) => (
    <dl>
      {rows.map((row: any) => (
        <React.Fragment key={row.name}>
          <dt>{row.name}</dt>
          <dd>{row.value}</dd>
        </React.Fragment>
      ))}
    </dl>
  ),
}));

function pod(annotations?: Record<string, any>) {
  const ours = Object.entries(annotations ?? {}).map(([key, value]) => [PREFIX + key, value]);
  return { kind: 'Pod', metadata: { annotations: annotations && Object.fromEntries(ours) } };
}

const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>';

describe('the column', () => {
  it('is added to the table of Pods behind the status, and once', () => {
    const columns = ['name', { id: 'status' }, { id: 'node' }];
    const first = registered.columns({ id: 'headlamp-pods', columns });
    expect(first.map((each: any) => each.label ?? each.id ?? each)).toEqual([
      'name',
      'status',
      'Cause',
      'node',
    ]);
    expect(registered.columns({ id: 'headlamp-pods', columns: first })).toBe(first);
    expect(first[2].getValue(pod({ cause: 'OutOfMemory' }))).toBe('OutOfMemory');
    expect(first[2].getValue(pod())).toBe('');
  });

  it('is the last one where there is no status', () => {
    const [name, cause] = registered.columns({ id: 'headlamp-pods', columns: ['name'] });
    expect([name, cause.label]).toEqual(['name', 'Cause']);
  });

  it('leaves other tables alone', () => {
    const columns = ['name'];
    expect(registered.columns({ id: 'headlamp-nodes', columns })).toBe(columns);
  });
});

/** Headlamp's own sections of a Pod. */
const SECTIONS = ['BACK_LINK', 'MAIN_HEADER', 'METADATA', 'EVENTS'].map(id => ({ id }));

function ids(sections: any[]) {
  return sections.map(each => each?.id ?? each);
}

function ours(resource: any) {
  const sections = registered.sections(resource, SECTIONS);
  return render(sections.find((each: any) => each.id === 'pod-diagnoser-why').section).container;
}

describe('the section', () => {
  it('comes before what Headlamp shows of the Pod, and once', () => {
    const crashed = pod({ cause: 'OutOfMemory' });
    const first = registered.sections(crashed, [...SECTIONS, null, 'text']);
    expect(ids(first).slice(0, 4)).toEqual(['BACK_LINK', 'MAIN_HEADER', 'pod-diagnoser-why', 'METADATA']);
    expect(registered.sections(crashed, first)).toBe(first);
    expect(ids(registered.sections(crashed, ['text']))).toEqual(['pod-diagnoser-why', 'text']);
  });

  it('shows what was found, in the order of need', () => {
    const crashed = pod({ cause: 'OutOfMemory', diagnosis: 'Killed', crashes: '[]' });
    const container = ours(crashed);
    const section = container.querySelector('section');
    expect(section?.getAttribute('aria-label')).toBe('Why it crashed');
    const names = [...container.querySelectorAll('dt')].map(each => each.textContent);
    expect(names).toEqual(['Diagnosis', 'Cause']);
  });

  it('is not there for a Pod without a diagnosis, or another kind', () => {
    for (const resource of [pod(), pod({}), null, { ...pod({ cause: 'Completed' }), kind: 'Job' }]) {
      expect(registered.sections(resource, SECTIONS)).toBe(SECTIONS);
    }
  });

  it('shows hostile text as text', () => {
    const everywhere = Object.fromEntries(
      ['cause', 'diagnosis', 'evidence', 'restart-time', 'reason'].map(key => [key, HOSTILE])
    );
    const container = ours(pod(everywhere));
    expect(container.querySelectorAll('img, script')).toHaveLength(0);
    const values = [...container.querySelectorAll('dd')].map(each => each.textContent);
    expect(values).toEqual(Array(5).fill(HOSTILE));
  });
});

describe('values', () => {
  it('takes what is no text for nothing', () => {
    expect(cause(pod({ cause: 7 }))).toBe('');
    expect(rows(pod({ cause: { a: 1 } }))).toEqual([]);
  });

  it('says how long ago a time was', () => {
    const now = Date.parse('2026-11-29T02:00:00Z');
    expect(age('2026-11-29T01:59:30Z', now)).toBe('30 s ago');
    expect(age('2026-11-29T01:55:00Z', now)).toBe('5 m ago');
    expect(age('2026-11-28T02:00:00Z', now)).toBe('1 d ago');
    expect(age('2026-11-29T02:00:09Z', now)).toBe('0 s ago');
    expect(age('soon', now)).toBe('');
  });
});
