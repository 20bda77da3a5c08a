select
    conversion_id,
    project_id,
    conversion_date,
    device_id,
    target_event,
    order_id,
    max(order_amount) as amount,
    path_length,
    count(*) as touches,
    count(*) = path_length as is_whole,
    min(interaction_at) as first_touch_at,
    max(interaction_at) as last_touch_at,
    conversion_date - min(interaction_date) as days_to_conversion
from {{ ref('int_path_touches') }}
group by
    conversion_id, project_id, conversion_date, device_id, target_event, order_id,
    path_length
