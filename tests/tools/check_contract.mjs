// node check_contract.mjs NODE_MODULES_FOLDER asyncapi FILE
// node check_contract.mjs NODE_MODULES_FOLDER schemas FOLDER   < {"schema": id, "instance": ...} one a line
// The public validators, as others who build on the contract use them: what they find wrong, as a JSON array on stdout.
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const [folder, verb, path] = process.argv.slice(2)
const require = createRequire(resolve(folder, 'package.json'))

async function checkDocument(file) {
    const { Parser, fromFile } = require('@asyncapi/parser')
    const { diagnostics } = await fromFile(new Parser(), file).parse()
    const recommendation = 2 // 0 is an error, 1 a warning
    return diagnostics.filter((d) => d.severity < recommendation).map((d) => `${d.path.join('/')}: ${d.message}`)
}

function compile(folder) {
    const Ajv = require('ajv/dist/2020').default
    const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
    require('ajv-formats').default(ajv)
    const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.json'))
    const schemas = files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    schemas.forEach((schema) => ajv.addSchema(schema))
    schemas.forEach((schema) => ajv.getSchema(schema.$id)) // compiles it
    return ajv
}

function checkInstances(ajv, text) {
    return text.split('\n').filter(Boolean).map((line) => {
        const { schema, instance } = JSON.parse(line)
        const validate = ajv.getSchema(schema)
        if (!validate) return [`no schema ${schema}`]
        return validate(instance) ? [] : validate.errors.map((e) => `${e.instancePath} ${e.message}`)
    })
}

const found = verb === 'asyncapi' ? await checkDocument(path) : checkInstances(compile(path), readFileSync(0, 'utf8'))
console.log(JSON.stringify(found))
