-- Freeze the candidate, or fence it off: a statement that names the old one fails. In: source, target.
ALTER TABLE {{ source | rel }} RENAME TO {{ target | rel }}
