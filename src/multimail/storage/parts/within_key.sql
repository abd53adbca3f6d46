(CAST(:unlimited AS BOOLEAN) OR EXISTS (
    SELECT 1 FROM key_mailboxes k
    WHERE k.account_id = e.account_id AND k.key_id = :key_id AND k.mailbox_id = e.mailbox_id))
