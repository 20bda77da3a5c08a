-- Conversions have no id. Those of one device, day, event, order and length of path are
-- told apart by counting the touches in each position.
with touches as (
    select
        *,
        row_number() over (
            partition by
                project_id, conversion_date, device_id, target_event, order_id,
                path_length, path_position
            order by interaction_at, row_key
        ) as number_of_path
    from {{ ref('stg_conversion_paths') }}
)

select
    t.row_key,
    {{ dbt.hash(dbt.concat([
        "cast(t.project_id as text)", "'|'",
        "cast(t.conversion_date as text)", "'|'",
        "coalesce(t.device_id, '')", "'|'",
        "coalesce(t.target_event, '')", "'|'",
        "coalesce(t.order_id, '')", "'|'",
        "cast(t.path_length as text)", "'|'",
        "cast(t.number_of_path as text)",
    ])) }} as conversion_id,
    t.project_id,
    t.conversion_date,
    t.device_id,
    t.target_event,
    t.order_id,
    t.order_amount,
    t.path_position,
    t.path_length,
    t.interaction_at,
    t.interaction_date,
    t.interaction_type,
    {{ channel('t', 'c') }},
    {%- for model in var('attribution_models') %}
    t.weight_{{ model }}{{ ',' if not loop.last }}
    {%- endfor %}
from touches as t
left join {{ ref('stg_campaigns') }} as c
    on t.project_id = c.project_id and t.placement_id = c.placement_id
