-- A clone always starts with automatic clustering suspended; send this where prod had it on. In: relation.
ALTER TABLE {{ relation | rel }} RESUME RECLUSTER
