-- Take a right on one table of ours (the candidate) from a role. In: relation, privilege, role.
REVOKE {{ privilege }} ON TABLE {{ relation | rel }} FROM ROLE {{ role | q }}
