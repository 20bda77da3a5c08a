{{ config(unique_key=['project_id', 'device_id']) }}

-- A late interaction can join two sessions or move the beginning of one: all sessions of
-- a device are made anew when it was seen lately.
with interactions as (
    select
        interaction_date as session_date,
        i.*
    from {{ ref('int_interactions') }} as i
    where device_id is not null
),

devices as (
    select distinct project_id, device_id
    from ({{ to_build('interactions', 'session_date') }}) as lately
),

gaps as (
    select
        i.*,
        lag(interaction_at) over (
            partition by i.project_id, i.device_id order by interaction_at, row_key
        ) as previous_at
    from interactions as i
    inner join devices as d
        on i.project_id = d.project_id and i.device_id = d.device_id
),

numbered as (
    select
        *,
        sum(
            case
                when interaction_at - previous_at
                    < interval '{{ var("session_gap_minutes") | int }} minutes'
                    then 0
                else 1
            end
        ) over (
            partition by project_id, device_id
            order by interaction_at, row_key
            rows unbounded preceding
        ) as session_number
    from gaps
),

placed as (
    select
        *,
        row_number() over (
            partition by project_id, device_id, session_number
            order by interaction_at, row_key
        ) as place
    from numbered
)

select
    {{ dbt.hash(dbt.concat([
        "cast(project_id as text)", "'|'", "device_id", "'|'",
        "cast(min(interaction_at) as text)",
    ])) }} as session_id,
    project_id,
    device_id,
    min(session_date) as session_date,
    min(interaction_at) as started_at,
    max(interaction_at) as ended_at,
    cast(
        extract(epoch from max(interaction_at) - min(interaction_at)) as bigint
    ) as duration_seconds,
    max(case when is_new_device then 1 else 0 end) = 1 as is_new_device,
    max(case when place = 1 then source end) as source,
    max(case when place = 1 then campaign end) as campaign,
    count(*) as interactions,
    count(case when interaction_type = 'Impression' then 1 end) as impressions,
    count(case when interaction_type = 'Click' then 1 end) as clicks,
    count(case when interaction_type = 'PageView' then 1 end) as page_views,
    count(case when interaction_type = 'Purchase' then 1 end) as purchases,
    count(distinct case
        when interaction_type = 'Purchase' then coalesce(order_id, row_key)
    end) as orders
from placed
group by project_id, device_id, session_number
