def model(dbt, session):
    dbt.config(materialized="table")
    return dbt.source("dune", "bridge_transfers")
