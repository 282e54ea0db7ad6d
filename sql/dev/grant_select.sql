-- Lets a role read one table of ours (the candidate). In: relation, role.
GRANT SELECT ON TABLE {{ relation | rel }} TO ROLE {{ role | q }}
