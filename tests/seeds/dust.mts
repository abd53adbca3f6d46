// Calls the three actions of the document on Dust, typed; prints what each answered.
import { checkInbox, generateAndSendReport, replyToEmail, sendEmail } from './actions.mjs';

declare const process: { argv: string[] };

const [apiKey = '', mailboxId = '', received = ''] = process.argv.slice(2);
const report = { metrics: { sales: 12, refunds: 1 }, period: 'May 2026' };

const inbox: object = await checkInbox(apiKey, mailboxId);
const sent: object = await sendEmail(apiKey, mailboxId, 'ann@example.com, bob@example.com', 'Noon', 'Shall we?');
const reply: object = await replyToEmail(apiKey, received, 'At noon.');
const reports: object[] = await generateAndSendReport(apiKey, mailboxId, report, [
  'ann@example.com',
  'Bob <bob@example.com>',
  'cleo@example.com',
]);
console.log(JSON.stringify({ inbox, sent, reply, reports }));
