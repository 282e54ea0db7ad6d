with people as (
    select * from {{ source('till', 'people') }}
)

select id as customer_id, name as customer_name, city from people
