-- Privileges on a table. In: relation. One row a privilege: privilege, granted_to, grantee_name, grant_option.
SHOW GRANTS ON TABLE {{ relation | rel }}
