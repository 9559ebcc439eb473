// A client on npm `@modelcontextprotocol/client`: carries out the plan on stdin, as
// ../client_mcp2.py says. "mode" is "legacy" or "auto".
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const METHODS = {
    list_tools: 'listTools',
    list_prompts: 'listPrompts',
    list_resources: 'listResources',
    list_resource_templates: 'listResourceTemplates',
    read_resource: 'readResource',
    get_prompt: 'getPrompt',
};

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const plan = JSON.parse(Buffer.concat(chunks).toString());

const transport = new StreamableHTTPClientTransport(new URL(plan.url), {
    requestInit: { headers: { Authorization: `Bearer ${plan.token}` } },
});
const client = new Client(
    { name: 'npm-client', version: '1.0.0' },
    { versionNegotiation: { mode: plan.mode ?? 'auto' } },
);
await client.connect(transport);

const results = [];
for (const [method, parameters] of plan.steps) {
    try {
        if (method === 'wait') {
            writeFileSync(parameters.reached, '');
            while (!existsSync(parameters.go_on)) await sleep(50);
            results.push({});
        } else if (method === 'call') {
            const progress = [];
            const result = await client.callTool(parameters, {
                onprogress: (update) => progress.push(update.progress),
            });
            results.push({ ...result, progress });
        } else {
            results.push(await client[METHODS[method]](parameters));
        }
    } catch (error) {
        results.push({ error: String(error) });
    }
}
console.log(
    JSON.stringify({
        version: client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion,
        server: client.getServerVersion()?.name,
        instructions: client.getInstructions(),
        results,
    }),
);
await transport.terminateSession?.().catch(() => {});
await client.close();
