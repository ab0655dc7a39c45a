-- Retention rules and what was purged.
-- When entries of a batch were purged: its bytes are then no signed document any more, but its content with hashes in the place of what is gone.
ALTER TABLE batch ADD COLUMN purged INTEGER;
