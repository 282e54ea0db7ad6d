-- May this role compute on a warehouse? In: warehouse. An error when it may not; nothing is started by it.
USE WAREHOUSE {{ warehouse | q }}
