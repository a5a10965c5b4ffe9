// May a role do that? node simulate.mjs SIMULATOR_FOLDER < {"policies": {role: policy}, "cases": [...]}
//
// A case is {"role", "action", "resource", "context"}. The answer is a list: "Allowed", "ImplicitlyDenied",
// "ExplicitlyDenied", or "error: ..." where the simulator knows that action and resource do not belong together.
import fs from 'fs'
import path from 'path'
import { createRequire } from 'module'

const require = createRequire(path.join(path.resolve(process.argv[2]), 'package.json'))
const { runSimulation } = require('@cloud-copilot/iam-simulate')
const { policies, cases } = JSON.parse(fs.readFileSync(0))
const answers = []
for (const { role, action, resource, context } of cases) {
  const accountId = '123456789012' // always the role's own: what another account's policies say is not asked here
  const result = await runSimulation({
    identityPolicies: [{ name: role, policy: policies[role] }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: undefined,
    request: {
      principal: `arn:aws:sts::123456789012:assumed-role/${role}/session`,
      action,
      resource: { resource, accountId },
      contextVariables: context,
    },
  }, {})
  answers.push(result.overallResult ?? `error: ${JSON.stringify(result.errors ?? result)}`)
}
console.log(JSON.stringify(answers))
