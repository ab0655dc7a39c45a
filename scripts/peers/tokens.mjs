// Tokens a CPU second of Node's own crypto: `node tokens.mjs PAYLOAD_FILE SECONDS`. The COSE_Sign1 around it is read by hand, as Node has no
// library for it: four lengths, the rest is what is signed. Prints one number.
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const AAD = Buffer.from('teilhabe/token/1');
const COUNT = 2000;

/** A byte string in CBOR. */
function bytes(value) {
    const length = value.length;
    const head = length < 24 ? [0x40 + length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255];
    return Buffer.concat([Buffer.from(head), value]);
}

/** Reads a byte string at `at`; answers it and where it ends. */
function read(token, at) {
    const first = token[at];
    const [length, start] =
        first < 0x58 ? [first - 0x40, at + 1] : first === 0x58 ? [token[at + 1], at + 2] : [token.readUInt16BE(at + 1), at + 3];
    return [token.subarray(start, start + length), start + length];
}

const signedText = (head, payload) =>
    Buffer.concat([Buffer.from([0x84, 0x6a]), Buffer.from('Signature1'), bytes(head), bytes(AAD), bytes(payload)]);

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const head = Buffer.from([0xa2, 0x01, 0x27, 0x04, 0x42, 0x30, 0x31]);
const payload = readFileSync(process.argv[2]);
const tokens = Array.from({ length: COUNT }, (_, number) => {
    const own = Buffer.from(payload);
    own.writeUInt32BE(number, own.length - 4);
    const signature = sign(null, signedText(head, own), privateKey);
    return Buffer.concat([Buffer.from([0x84]), bytes(head), Buffer.from([0xa0]), bytes(own), bytes(signature)]);
});

function genuine(token) {
    const [protectedHead, first] = read(token, 1);
    const [own, second] = read(token, first + 1);
    const [signature] = read(token, second);
    return verify(null, signedText(protectedHead, own), publicKey, signature);
}

const forged = Buffer.from(tokens[0]);
forged[forged.length - 1] ^= 1;
if (genuine(forged) || !tokens.every(genuine)) throw new Error('a wrong verdict: nothing was measured');
const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
const began = cpu();
let done = 0;
while (cpu() - began < Number(process.argv[3])) {
    for (const token of tokens) genuine(token);
    done += COUNT;
}
console.log(done / (cpu() - began));
