-- An order has a row for each of its items, and rows may occur twice; the amount, which
-- stands in all of them, counts once.
with purchases as (
    select
        *,
        coalesce(order_id, row_key) as order_key,
        row_number() over (
            partition by project_id, coalesce(order_id, row_key)
            order by interaction_at, row_key
        ) as number_in_order
    from {{ ref('int_interactions') }}
    where interaction_type = 'Purchase'
)

select
    order_key,
    project_id,
    interaction_at,
    interaction_date,
    device_id,
    source,
    campaign,
    order_amount as amount
from purchases
where number_in_order = 1
