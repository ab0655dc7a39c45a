-- Cases: what was granted to a child for some months. What a changed approval became is `changed_to`; `ended_from` is the first day
-- on which it no longer holds. The birth date from which a last month was computed is not kept.
CREATE TABLE approval (
    id INTEGER PRIMARY KEY,
    child INTEGER NOT NULL REFERENCES child,
    from_month INTEGER NOT NULL,
    to_month INTEGER NOT NULL,
    legal_basis TEXT,
    hint TEXT,
    home_providers TEXT NOT NULL,
    source TEXT NOT NULL,
    record TEXT,
    recorded INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    ended_from INTEGER,
    end_why TEXT,
    changed_to INTEGER REFERENCES approval
);
CREATE INDEX approval_by_child ON approval (child);
CREATE INDEX approval_by_record ON approval (source, record) WHERE record IS NOT NULL;
CREATE INDEX approval_by_months ON approval (to_month, from_month);

-- The ceilings of an approval in their order; those of one benefit and detail are one allowance.
CREATE TABLE granted (
    approval INTEGER NOT NULL REFERENCES approval,
    place INTEGER NOT NULL,
    benefit INTEGER NOT NULL,
    detail TEXT,
    providers TEXT NOT NULL,
    period INTEGER NOT NULL,
    measure INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (approval, place)
) WITHOUT ROWID;

-- The approval a token was made from; the latest token of an approval is the one in use.
ALTER TABLE token ADD COLUMN approval INTEGER REFERENCES approval;
CREATE INDEX token_by_approval ON token (approval) WHERE approval IS NOT NULL;

-- Forms that were carried out, so that one sent twice acts once; `place` is where its answer stands.
CREATE TABLE form_done (form TEXT PRIMARY KEY, place TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
