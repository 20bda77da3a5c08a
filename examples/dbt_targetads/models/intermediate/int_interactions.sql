with interactions as (
    {%- for stream in ['impressions', 'clicks', 'page_views', 'purchases'] %}
    select * from {{ ref('stg_' ~ stream) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    i.row_key,
    i.project_id,
    i.interaction_at,
    i.interaction_date,
    i.interaction_type,
    i.device_id,
    i.is_new_device,
    i.placement_id,
    i.creative_id,
    i.order_id,
    i.order_amount,
    {{ channel('i', 'c') }}
from interactions as i
left join {{ ref('stg_campaigns') }} as c
    on i.project_id = c.project_id and i.placement_id = c.placement_id
