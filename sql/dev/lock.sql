-- Take a dev relation: fails where the marker is there already, so that two installations never build in one table.
-- In: relation (the marker's name); bind holder.
CREATE TRANSIENT TABLE {{ relation | rel }} (HELD BOOLEAN) COMMENT = %(holder)s
