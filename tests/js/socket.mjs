// A dashboard's socket: connects with the given transports and token, and prints each thing it hears as one JSON line.
// usage: node socket.mjs ORIGIN TOKEN TRANSPORT[,TRANSPORT]
import { io } from 'socket.io-client';

const [origin, token, transports] = process.argv.slice(2);
const tell = (event, payload) => process.stdout.write(JSON.stringify({ event, payload }) + '\n');

// Back within a second, and not within five: what is told meanwhile is not told again.
const again = { reconnectionDelay: 500, reconnectionDelayMax: 1_000 };
const socket = io(origin, { auth: { token }, transports: transports.split(','), forceNew: true, ...again });
socket.on('connect', () => tell('connect', { transport: socket.io.engine.transport.name }));
socket.on('connect_error', (error) => tell('connect_error', { message: error.message }));
socket.on('disconnect', (reason) => tell('disconnect', { reason }));
socket.onAny((event, payload) => tell(event, payload));

// The test closes our standard input to say goodbye; if it dies, so do we.
process.stdin.on('end', () => { socket.close(); process.exit(0); }).resume();
