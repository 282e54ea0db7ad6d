-- What a role was granted, without what it inherits. In: role. One row a privilege: privilege, granted_on, name.
SHOW GRANTS TO ROLE {{ role | q }}
