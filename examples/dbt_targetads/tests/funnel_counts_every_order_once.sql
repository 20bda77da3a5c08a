-- However many rows an order has, and whatever their sources.
with expected as (
    select
        project_id,
        count(distinct coalesce(order_id, row_key)) as orders
    from {{ ref('stg_purchases') }}
    group by project_id
),

found as (
    select project_id, sum(orders) as orders
    from {{ ref('funnel') }}
    group by project_id
)

select e.project_id, e.orders as expected, f.orders as found
from expected as e
left join found as f on e.project_id = f.project_id
where f.project_id is null or e.orders <> f.orders
