// Tokens a CPU second of Java's own Ed25519 (SunEC): `java Tokens.java PAYLOAD_FILE SECONDS`. The COSE_Sign1 around it is read by hand, as
// Java has no library for it: four lengths, the rest is what is signed. The just-in-time compiler's own time is not counted. Prints one number.
import java.io.ByteArrayOutputStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;

class Tokens {
    static final byte[] AAD = "teilhabe/token/1".getBytes(StandardCharsets.US_ASCII);
    static final byte[] HEAD = {(byte) 0xa2, 0x01, 0x27, 0x04, 0x42, 0x30, 0x31};
    static final int COUNT = 2000;

    /** A byte string in CBOR. */
    static void bytes(ByteArrayOutputStream to, byte[] value) {
        int length = value.length;
        if (length < 24) {
            to.write(0x40 + length);
        } else if (length < 256) {
            to.write(0x58);
            to.write(length);
        } else {
            to.write(0x59);
            to.write(length >> 8);
            to.write(length & 255);
        }
        to.writeBytes(value);
    }

    /** Reads the byte string that begins where the buffer stands. */
    static byte[] read(ByteBuffer token) {
        int first = token.get() & 255;
        int length = first < 0x58 ? first - 0x40 : first == 0x58 ? token.get() & 255 : token.getShort() & 0xffff;
        byte[] value = new byte[length];
        token.get(value);
        return value;
    }

    static byte[] signedText(byte[] head, byte[] payload) {
        var to = new ByteArrayOutputStream();
        to.write(0x84);
        to.write(0x6a);
        to.writeBytes("Signature1".getBytes(StandardCharsets.US_ASCII));
        bytes(to, head);
        bytes(to, AAD);
        bytes(to, payload);
        return to.toByteArray();
    }

    static byte[] token(byte[] payload, PrivateKey key) throws Exception {
        var signer = Signature.getInstance("Ed25519");
        signer.initSign(key);
        signer.update(signedText(HEAD, payload));
        var to = new ByteArrayOutputStream();
        to.write(0x84);
        bytes(to, HEAD);
        to.write(0xa0);
        bytes(to, payload);
        bytes(to, signer.sign());
        return to.toByteArray();
    }

    static boolean genuine(byte[] token, PublicKey key, Signature verifier) throws Exception {
        ByteBuffer at = ByteBuffer.wrap(token, 1, token.length - 1);
        byte[] head = read(at);
        at.get();
        byte[] payload = read(at);
        byte[] signature = read(at);
        verifier.initVerify(key);
        verifier.update(signedText(head, payload));
        return verifier.verify(signature);
    }

    public static void main(String[] said) throws Exception {
        KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        byte[] payload = Files.readAllBytes(Path.of(said[0]));
        byte[][] tokens = new byte[COUNT][];
        for (int number = 0; number < COUNT; number++) {
            byte[] own = payload.clone();
            ByteBuffer.wrap(own).putInt(own.length - 4, number);
            tokens[number] = token(own, pair.getPrivate());
        }
        var verifier = Signature.getInstance("Ed25519");
        byte[] forged = tokens[0].clone();
        forged[forged.length - 1] ^= 1;
        boolean believed;
        try {
            believed = genuine(forged, pair.getPublic(), verifier);
        } catch (java.security.SignatureException error) {
            believed = false;
        }
        // Warm, as a server is.
        boolean all = true;
        for (byte[] token : tokens) all &= genuine(token, pair.getPublic(), verifier);
        if (believed || !all) throw new IllegalStateException("a wrong verdict: nothing was measured");

        var threads = ManagementFactory.getThreadMXBean();
        long began = threads.getCurrentThreadCpuTime(), enough = (long) (Double.parseDouble(said[1]) * 1e9), spent = 0;
        int done = 0;
        while (spent < enough) {
            for (byte[] token : tokens) genuine(token, pair.getPublic(), verifier);
            done += COUNT;
            spent = threads.getCurrentThreadCpuTime() - began;
        }
        System.out.println(done * 1e9 / spent);
    }
}
